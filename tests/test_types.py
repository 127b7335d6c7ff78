"""A type checker understands the public API, as a user's script meets it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("types")  # one worker, and one run of mypy

SCRIPT = Path(__file__).with_name("typed_script.py")

#: Lines that are wrong, and what is wrong with them.
WRONG = {
    'SmoothedLinearSVC(class_weight="balance")': "arg-type",
    "SmoothedLinearSVC().n_iter_.shape": "attr-defined",
    'Direct(form="upper")': "arg-type",
    "Direct().invert(3)": "arg-type",
    "factored_order(object(), Hessian)": "arg-type",
    'InfluenceExplainer(method="newtons")': "arg-type",
    "InfluenceExplainer().most_influential([], []).helpful.shapes": "attr-defined",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What mypy says of the script, and of a file with the wrong lines: one run for both."""
    pytest.importorskip("mypy", reason="mypy is one of the development tools")
    folder = tmp_path_factory.mktemp("types")
    wrong = folder / "wrong.py"
    names = "from skinfluence import InfluenceExplainer, SmoothedLinearSVC\n"
    names += "from skinfluence.operators import Hessian\n"
    names += "from skinfluence.solvers import Direct, factored_order\n"
    wrong.write_text(names + "\n".join(WRONG) + "\n")
    options = ["--config-file", "", "--cache-dir", folder / "cache", "--ignore-missing-imports"]
    options += ["--follow-imports", "silent", "--no-error-summary"]
    command = [sys.executable, "-m", "mypy", *options, SCRIPT, wrong]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[1])
    return (ran.stdout + ran.stderr).splitlines()


def test_a_typed_script_has_no_errors(found):
    assert [line for line in found if "wrong.py" not in line] == []


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_line_is_found(found, line):
    place = f"wrong.py:{4 + list(WRONG).index(line)}: error: "
    assert any(place in said and f"[{WRONG[line]}]" in said for said in found), found
