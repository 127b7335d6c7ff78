"""The command line, as a person uses it: what it shows, what it writes, what it refuses."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from skinfluence import LabelCleaner
from skinfluence.command_line._application import skinfluence

N = 120
WRONG = [7, 50]


def frame():
    """Rows of two numbers, a category, a date and a text, with two wrong labels."""
    random = np.random.default_rng(0)
    x = random.normal(size=(N, 2))
    label = np.where(x[:, 0] > 0, "good", "bad")
    x[WRONG, 0] = [2.5, -2.5]
    label[WRONG] = ["bad", "good"]
    return pd.DataFrame(
        {
            "id": np.arange(N) * 3,
            "x": x[:, 0].round(3),
            "z": x[:, 1].round(3),
            "colour": random.choice(["red", "green"], N),
            "day": pd.date_range("2020-01-01", periods=N).strftime("%d/%m/%Y"),
            "note": [f"a {word} note of five words" for word in random.choice(["b", "c"], N)],
            "amount": (3 * x[:, 0] + random.normal(size=N)).round(3),
            "label": label,
        }
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)  # which pytest-xdist sets
    frame().to_csv("table.csv", index=False)
    return tmp_path


def run(*args):
    """Run the command in this process."""
    return CliRunner().invoke(skinfluence, [str(arg) for arg in args])


def works(*args):
    """Run the command; return what it writes to stdout."""
    ran = run(*args)
    assert ran.exit_code == 0, ran.output
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    return ran.stdout


def refuses(*args):
    """Run the command, which must say in one line what is wrong; return the line."""
    ran = run(*args)
    assert ran.exit_code == 2, (ran.output, ran.exception)
    lines = [line for line in ran.stderr.splitlines() if not line.endswith(" ...")]
    assert len(lines) == 1 and lines[0].startswith("Error: "), lines
    assert "Traceback" not in ran.output
    return lines[0]


def process(*args, **options):
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "skinfluence", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_audit_finds_wrong_labels_and_writes_files(folder):
    shown = works(
        *("audit", "table.csv", "--target", "label", "--type", "amount=ignore", "--budget", 5),
        *("--output", "flagged.csv", "--report", "report.html"),
    )
    assert "colour" in shown and "category" in shown and "an identifier" in shown
    found = pd.read_csv("flagged.csv")
    assert len(found) == 5 and found["rank"].tolist() == [1, 2, 3, 4, 5]
    assert set(found["row"][:2]) == set(WRONG)
    assert (found["line"] == found["row"] + 2).all()
    assert (found["given"] == found["label"]).all() and (found["given"] != found["suggested"])[
        :2
    ].all()
    assert found["probability_of_given"].between(0, 1).all()
    assert found["score"].is_monotonic_decreasing
    others = found[[f"contradicting_row_{i}" for i in (1, 2, 3)]].to_numpy()
    given = found[[f"contradicting_given_{i}" for i in (1, 2, 3)]].to_numpy()
    assert (frame()["label"].to_numpy()[others] == given).all()
    assert "<html" in (folder / "report.html").read_text()
    assert sorted(os.listdir()) == ["flagged.csv", "report.html", "table.csv"]


def test_audit_of_a_quantity(folder):
    table = frame().drop(columns="label")
    table.loc[20, "amount"] = 40
    table.to_csv("amounts.csv", index=False)
    shown = works("audit", "amounts.csv", "--target", "amount", "--output", "flagged.csv")
    found = pd.read_csv("flagged.csv")
    assert found["row"].iloc[0] == 20 and "squared error" in shown
    assert "probability_of_given" not in found


def test_the_estimator_is_the_library_s(folder):
    """What is flagged is what a LabelCleaner flags on the same features."""
    table = frame()[["x", "z", "label"]]
    table.to_csv("numbers.csv", index=False)
    works("audit", "numbers.csv", "--target", "label", "--output", "flagged.csv", "--budget", N)
    found = pd.read_csv("flagged.csv")
    x = table[["x", "z"]].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    cleaner = LabelCleaner(action="keep").fit(x, table["label"])
    assert found["row"].tolist() == cleaner.ranking_.tolist()
    np.testing.assert_allclose(found["score"], cleaner.label_scores_[found["row"]], rtol=1e-3)


@pytest.mark.parametrize("model", ["logistic", "ridge", "svm"])
def test_every_model_of_classes(folder, model):
    works("audit", "table.csv", "--target", "label", "--model", model, "--output", "f.csv")
    assert set(WRONG) <= set(pd.read_csv("f.csv")["row"])


@pytest.mark.parametrize("model", ["ridge", "huber"])
def test_every_model_of_a_quantity(folder, model):
    options = "--target", "amount", "--type", "label=ignore", "--model", model, "--budget", 3
    assert "3 most suspicious values" in works("audit", "table.csv", *options)


def test_many_classes_are_judged_one_against_the_rest(folder):
    random = np.random.default_rng(1)
    group = np.arange(N) % 6
    x = np.eye(6)[group] + 0.1 * random.normal(size=(N, 6))
    table = pd.DataFrame(x, columns=list("abcdef")).assign(group=group)
    table.loc[4, "group"] = 0
    table.to_csv("groups.csv", index=False)
    works("audit", "groups.csv", "--target", "group", "--output", "f.csv", "--budget", 1)
    assert pd.read_csv("f.csv")[["row", "given", "suggested"]].values.tolist() == [[4, 0, 4]]


@pytest.mark.parametrize("name", ["table.tsv", "table.csv.gz", "table.parquet"])
def test_formats_give_the_same_answer(folder, name):
    if name.endswith("parquet"):
        frame().to_parquet(name)
    else:
        frame().to_csv(name, index=False, sep="\t" if name.endswith("tsv") else ",")
    for path in ("table.csv", name):
        works("audit", path, "--target", "label", "--output", f"{path}.out", "--budget", 9)
    one, other = (pd.read_csv(f"{path}.out") for path in ("table.csv", name))
    pd.testing.assert_frame_equal(one.drop(columns="line"), other.drop(columns="line"))


def test_rows_without_a_label_keep_their_neighbours_numbers(folder):
    table = frame()
    table.loc[[0, 30], "label"] = None
    table.to_csv("table.csv", index=False)
    options = "--target", "label", "--drop-unlabelled"
    works("audit", "table.csv", *options, "--output", "f.csv", "--budget", 2)
    assert set(pd.read_csv("f.csv")["row"]) == set(WRONG)
    assert "Row 7:" in works("explain", "table.csv", *options, "--rows", 7)


def test_explain_names_rows_and_writes_files(folder):
    shown = works(
        *("explain", "table.csv", "--target", "label", "--rows", "7,3", "-k", 2),
        *("--output", "behind.csv", "--report", "report.html"),
    )
    assert "Row 7: given bad. Without this row the model says good." in shown
    found = pd.read_csv("behind.csv")
    assert found["asked_row"].tolist() == [7] * 4 + [3] * 4
    assert found["side"].tolist() == (["helpful"] * 2 + ["harmful"] * 2) * 2
    assert (found["influence"] > 0).equals(found["side"] == "helpful")
    assert (found["row"] != found["asked_row"]).all()
    assert "<html" in (folder / "report.html").read_text()


def test_a_side_holds_no_row_of_the_other(folder):
    frame().head(12).to_csv("table.csv", index=False)
    works("explain", "table.csv", "--target", "label", "--rows", 3, "-k", 11, "--output", "b.csv")
    found = pd.read_csv("b.csv")
    assert (found["influence"] > 0).equals(found["side"] == "helpful")
    assert found["row"].is_unique


def test_explain_rows_of_another_table(folder):
    frame().drop(columns="label").head(3).to_csv("new.csv", index=False)
    options = "--target", "label", "--test", "new.csv"
    assert "Row 2: given" in works("explain", "table.csv", *options, "--rows", 2)
    assert "count from 0 to 2" in refuses("explain", "table.csv", *options, "--rows", 3)
    frame().drop(columns="z").to_csv("new.csv", index=False)
    assert "has no column 'z'" in refuses("explain", "table.csv", *options, "--rows", 2)


def test_demo_ends_with_a_report(folder):
    assert "Written: skinfluence-demo.html" in works("demo")
    assert (folder / "skinfluence-demo.html").stat().st_size > 10_000


def changed(**columns):
    def write():
        frame().assign(**columns).to_csv("table.csv", index=False)

    return write


def bytes_of(content):
    def write():
        with open("table.csv", "wb") as file:
            file.write(content)

    return write


def header_only():
    frame().head(0).to_csv("table.csv", index=False)


def twice():
    table = frame()
    table.columns = [*table.columns[:-2], "x", "label"]
    table.to_csv("table.csv", index=False)


def nothing_else():
    pd.DataFrame({"label": frame()["label"], "a": None, "b": 1}).to_csv("table.csv", index=False)


def infinite():
    x = frame()["x"]
    x[5] = np.inf
    changed(x=x)()


def as_it_is():
    pass


#: name: (what writes the table, options, what the line says)
AUDIT = ("audit", "table.csv", "--target", "label")
OF_X = ("audit", "table.csv", "--target", "x")
TYPO = ("audit", "table.csv", "--target", "Lable")
REFUSED = {
    "no such column": (
        as_it_is,
        TYPO,
        "Did you mean 'label'?",
    ),
    "nothing like it": (as_it_is, ("audit", "table.csv", "--target", "qqq"), "columns are 'id', "),
    "one class": (changed(label="same"), AUDIT, "one class only, 'same'"),
    "no file": (as_it_is, ("audit", "absent.csv", "--target", "label"), "no file absent.csv"),
    "a folder": (as_it_is, ("audit", ".", "--target", "label"), "Is a directory"),
    "binary": (bytes_of(b"\x00\x01\x02" * 99), AUDIT, "not a table"),
    "workbook": (bytes_of(b"PK\x03\x04" + b"x" * 99), AUDIT, "Excel workbook"),
    "damaged gzip": (bytes_of(b"\x1f\x8b\x08\x00 not gzip"), AUDIT, "damaged gzip"),
    "damaged Parquet": (bytes_of(b"PAR1 and no more"), AUDIT, "damaged Parquet"),
    "prose": (bytes_of(b"Dear reader,\nthis, as you see, is prose.\n"), AUDIT, "line 2 has 3"),
    "empty": (bytes_of(b""), AUDIT, "is empty"),
    "header only": (header_only, AUDIT, "no rows"),
    "infinite": (infinite, AUDIT, "'x' holds an infinite value in row 5"),
    "infinite target": (
        infinite,
        OF_X,
        "infinite value in row 5",
    ),
    "not utf-8": (bytes_of("é,label\n1,a\n".encode("latin-1")), AUDIT, "--encoding latin-1"),
    "utf-16": (bytes_of("é,label\n1,a\n".encode("utf-16")), AUDIT, "--encoding utf-16"),
    "no encoding": (as_it_is, (*AUDIT, "--encoding", "klingon"), "no encoding 'klingon'"),
    "twice": (twice, AUDIT, "more than one column named 'x'"),
    "nothing to learn from": (nothing_else, AUDIT, "No column is left"),
    "no label": (changed(label=None), AUDIT, "no row has a label"),
    "some labels": (changed(label=["a", None, "b"] * (N // 3)), AUDIT, "--drop-unlabelled"),
    "no type": (as_it_is, (*AUDIT, "--type", "x=colour"), "number, category, date, text, ignore"),
    "no such typed column": (as_it_is, (*AUDIT, "--text", "notes"), "Did you mean 'note'?"),
    "target typed": (as_it_is, (*AUDIT, "--type", "label=text"), "use --task"),
    "not a date": (as_it_is, (*AUDIT, "--type", "colour=date"), "cannot be a date"),
    "no word": (
        changed(note=["! ? .", "- +"] * (N // 2)),
        (*AUDIT, "--text", "note"),
        "vocabulary",
    ),
    "model of the other task": (as_it_is, (*AUDIT, "--model", "huber"), "logistic or ridge or svm"),
    "no quantity": (as_it_is, (*AUDIT, "--task", "regression"), "no quantity"),
    "no target": (as_it_is, ("audit", "table.csv"), "Missing option '--target'"),
    "no budget": (as_it_is, (*AUDIT, "--budget", 0), "--budget"),
    "no folder": (as_it_is, (*AUDIT, "--output", "absent/f.csv"), "no folder"),
    "folder": (as_it_is, (*AUDIT, "--report", "."), "is a folder"),
    "long name": (as_it_is, (*AUDIT, "--report", "r" * 300), "cannot be written: File name too"),
    "over the table": (as_it_is, (*AUDIT, "--output", "table.csv"), "is the table itself"),
    "both in one": (as_it_is, (*AUDIT, "--output", "f", "--report", "f"), "given twice"),
    "rows": (
        as_it_is,
        ("explain", "table.csv", "--target", "label", "--rows", N),
        f"rows count from 0 to {N - 1}",
    ),
    "no rows": (
        as_it_is,
        ("explain", "table.csv", "--target", "label", "--rows", "a-b"),
        "row numbers from 0",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_in_one_line(folder, name):
    write, args, line = REFUSED[name]
    write()
    (folder / "kept.csv").write_text("as it was")
    if args[0] == "audit" and "--output" not in args:
        args = (*args, "--output", "kept.csv")
    assert line in refuses(*args)
    assert (folder / "kept.csv").read_text() == "as it was"
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_too_many_classes_are_refused(folder):
    pd.DataFrame({"x": range(20_000), "y": [f"n{i // 2}" for i in range(20_000)]}).to_csv("t.csv")
    assert "'y' has 10000 different values" in refuses("audit", "t.csv", "--target", "y")


def test_a_report_that_fails_leaves_both_files_as_they_were(folder, monkeypatch):
    for name in ("f.csv", "r.html"):
        (folder / name).write_text("as it was")

    def fail(self, path, **options):
        path.write_text("half of i")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LabelCleaner, "to_html", fail)
    assert "No space left" in refuses(*AUDIT, "--output", "f.csv", "--report", "r.html")
    assert {(folder / name).read_text() for name in ("f.csv", "r.html")} == {"as it was"}
    assert sorted(os.listdir()) == ["f.csv", "r.html", "table.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")
def test_links_and_modes_of_results_are_kept(folder):
    (folder / "real.csv").touch(mode=0o600)
    (folder / "f.csv").symlink_to("real.csv")
    (folder / "r.html").touch(mode=0o600)
    works(*AUDIT, "--output", "f.csv", "--report", "r.html")
    assert (folder / "f.csv").is_symlink()
    assert len(pd.read_csv("real.csv")) >= 2
    assert {(folder / name).stat().st_mode & 0o777 for name in ("real.csv", "r.html")} == {0o600}
    works(*AUDIT, "--output", "/dev/null")


def test_an_interruption_is_130_and_leaves_files_as_they_were(folder, monkeypatch):
    (folder / "f.csv").write_text("as it was")

    def interrupt(self, X, y):
        raise KeyboardInterrupt

    monkeypatch.setattr(LabelCleaner, "fit", interrupt)
    ran = run(*AUDIT, "--output", "f.csv")
    assert ran.exit_code == 130 and "Interrupted" in ran.stderr
    assert (folder / "f.csv").read_text() == "as it was"


def test_what_a_table_holds_is_shown_as_text(folder):
    changed(**{"[bold]colour": ["[red]\x1b[31mred", ":smile:"] * (N // 2)})()
    shown = works("audit", "table.csv", "--target", "label")
    assert "[bold]colour" in shown and "[red]" in shown and "\x1b" not in shown


def test_a_process_writes_results_to_stdout_and_progress_to_stderr(folder):
    with process("audit", "table.csv", "--target", "label", "--output", "f.csv") as ran:
        out, err = ran.communicate(timeout=300)
    assert ran.returncode == 0, err
    assert "Scoring 120 labels" in err and "Scoring" not in out
    assert "look wrong" in out and "\x1b" not in out + err


def test_a_process_refuses_without_traceback(folder):
    with process("audit", "absent.csv", "--target", "label") as ran:
        out, err = ran.communicate(timeout=300)
    assert (ran.returncode, out) == (2, "")
    assert err.splitlines()[-1] == "Error: There is no file absent.csv. Check its name and folder."


def test_a_narrow_terminal_gets_narrow_tables(folder):
    with process(
        "audit", "table.csv", "--target", "label", env=os.environ | {"COLUMNS": "50"}
    ) as ran:
        out, _ = ran.communicate(timeout=300)
    table = out.split("most suspicious")[1].split("look wrong")[0].splitlines()[1:-1]
    assert max(map(len, table)) <= 50


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_interrupted_exits_with_130(folder):
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(20_000, 40)).round(3)).add_prefix("x")
    table["y"] = random.choice(["a", "b"], len(table))
    table.to_csv("large.csv", index=False)
    (folder / "f.csv").write_text("as it was")
    with process("audit", "large.csv", "--target", "y", "--output", "f.csv") as ran:
        while "Scoring" not in ran.stderr.readline():
            pass
        time.sleep(0.2)
        ran.send_signal(signal.SIGINT)
        _, err = ran.communicate(timeout=300)
    assert ran.returncode == 130 and "Interrupted" in err and "Traceback" not in err
    assert (folder / "f.csv").read_text() == "as it was"
