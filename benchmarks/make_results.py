"""Run every benchmark and write RESULTS.md from what they print, each under its command."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
SECTIONS = {
    "leave_one_out": ("Against really leaving rows out", "leave_one_out.py"),
    "linear_models": ("Every linear model against its refits", "linear_models.py"),
    "groups": ("Against really removing groups of rows", "groups.py"),
    "approximate_cv": ("Cross-validation from one fit", "approximate_cv.py"),
    "fig2_cnn": ("Figure 2 of Koh and Liang (2017): the network", "paper/fig2_cnn.py"),
    "fig6": ("Figure 6 of Koh and Liang (2017)", "paper/fig6_mislabelled_mail.py"),
    "label_cleaning": ("Ranking wrong labels", "label_cleaning.py"),
    "self_influence_speed": ("The cost of all self-influences", "self_influence_speed.py"),
    "influence_speed": ("The cost of influences on test losses", "influence_speed.py"),
    "classical_diagnostics": ("Classical diagnostics", "classical_diagnostics.py"),
}
OPENING = """# What was measured

Printed by the scripts in this folder, from a clean checkout; `python benchmarks/make_results.py`
writes this file. Times are those of one machine: read the multiples.
"""


def run(script):
    """Return the command of a script, and what it prints."""
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
    return f"python {path.as_posix()}", done.stdout


def section(title, script):
    """Return a section of RESULTS.md."""
    command, printed = run(script)
    return f"## {title}\n\n```\n{command}\n```\n\n```text\n{printed.strip()}\n```\n"


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
    new.write_text("\n".join([OPENING, *ordered]), encoding="utf-8")
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
