"""Run every benchmark and write RESULTS.md from what they print, each under its command."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from _report import PAPER

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
SECTIONS = {
    "leave_one_out": ("Against really leaving rows out", "leave_one_out.py"),
    "linear_models": ("Every linear model against its refits", "linear_models.py"),
    "groups": ("Against really removing groups of rows", "groups.py"),
    "certificates": ("How certain every number is", "certificates.py"),
    "kinks": ("Machines with kinks, as they were trained", "kinks.py"),
    "scalars": ("Numbers of one's own, under removal", "scalars.py"),
    "approximate_cv": ("Cross-validation from one fit", "approximate_cv.py"),
    "fig1": ("Figure 1 of Koh and Liang (2017)", "paper/fig1_influence_or_distance.py"),
    "fig2": ("Figure 2 of Koh and Liang (2017)", "paper/fig2_leave_one_out.py"),
    "fig2_cnn": ("Figure 2 of Koh and Liang (2017), the network", "paper/fig2_cnn.py"),
    "fig3": ("Figure 3 of Koh and Liang (2017)", "paper/fig3_smooth_hinge.py"),
    "fig4": ("Figure 4 of Koh and Liang (2017)", "paper/fig4_rbf_or_network.py"),
    "fig5": ("Figure 5 of Koh and Liang (2017)", "paper/fig5_training_attack.py"),
    "fig6": ("Figure 6 of Koh and Liang (2017)", "paper/fig6_mislabelled_mail.py"),
    "sec53": ("Section 5.3 of Koh and Liang (2017)", "paper/sec53_domain_mismatch.py"),
    "appendix_b": ("Appendix B of Koh and Liang (2017)", "paper/appendix_b.py"),
    "decisions": ("Flags, suggestions, and the model that comes out", "decisions.py"),
    "label_cleaning": ("Ranking wrong labels", "label_cleaning.py"),
    "self_influence_speed": ("The cost of all self-influences", "self_influence_speed.py"),
    "influence_speed": ("The cost of influences on test losses", "influence_speed.py"),
    "memory": ("Memory and time", "memory.py"),
    "report_speed": ("The time of a report", "report_speed.py"),
    "classical_diagnostics": ("Classical diagnostics", "classical_diagnostics.py"),
    "structure": ("The structure of the code", "structure.py"),
}
OPENING = """# What was measured

Printed by the scripts in this folder, from a clean checkout; `python benchmarks/make_results.py`
writes this file. Times are those of one machine: read the multiples.
"""


def run(script):
    """Return the command of a script, what it prints, and the seconds it takes."""
    start = perf_counter()
    path = Path("benchmarks") / script
    environment = os.environ | {"PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=FOLDER.parent,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return f"python {path.as_posix()}", done.stdout, perf_counter() - start


def section(title, script):
    """Return a section of RESULTS.md."""
    command, printed, seconds = run(script)
    text = f"```\n{command}\n```\n\n```text\n{printed.strip()}\n```"
    return f"## {title}\n\n{text}\n\nTook {seconds:.0f} s.\n"


def beside_the_paper(sections):
    """Return a table of what the sections printed beside the paper's numbers."""
    lines = ["## Beside the paper", "", "| | the paper | here | command | seconds |"]
    lines.append("|---|---|---|---|---|")
    for text in sections:
        command = re.search(r"```\n(.*)\n```", text)[1]
        seconds = re.search(r"Took (\d+) s", text)
        printed = re.split(rf"^{PAPER} .*\n-.*\n", text, flags=re.M)[1:]
        for row in printed[0].split("\n```")[0].splitlines() if printed else []:
            cells = (re.split(r" {2,}", row.strip()) + [""] * 3)[:3]
            took = seconds[1] if seconds else ""
            lines.append(f"| {' | '.join(cells)} | `{command}` | {took} |")
    return "\n".join(lines) + "\n"


def known_sections():
    """Return {title: text} of the RESULTS.md that is there."""
    if not RESULTS.exists():
        return {}
    parts = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.split("\n", 1)[0]: "## " + part.strip() + "\n" for part in parts}


def write(sections):
    """Write RESULTS.md in the order of ``SECTIONS``: beside it first, then renamed."""
    ordered = [sections[title] for title, _ in SECTIONS.values() if title in sections]
    new = RESULTS.with_suffix(".new")
    parts = [OPENING, beside_the_paper(ordered), *ordered]
    new.write_text("\n".join(parts), encoding="utf-8")
    new.replace(RESULTS)


def main():
    """Run what was asked for; sections that were not run stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    args = parser.parse_args()
    sections = known_sections()
    for name in args.only:
        title, script = SECTIONS[name]
        print(f"running {script}", flush=True)
        sections[title] = section(title, script)
        write(sections)


if __name__ == "__main__":
    main()
