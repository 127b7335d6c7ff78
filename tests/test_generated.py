"""Cases that nobody thought of: 200 that a seed draws, each as right as it says.

``make fuzz N=2000 SEED=1`` draws others, and prints a script of what fails.
"""

import pytest
from generated import draw, run
from generated._shrink import script

SEED, CASES, TOGETHER = 0, 200, 10


@pytest.mark.parametrize("start", range(0, CASES, TOGETHER))
def test_generated_cases_are_as_right_as_they_say(start):
    failures = []
    for index in range(start, start + TOGETHER):
        case = draw(SEED, index)
        outcome = run(case)
        if outcome.failed:
            failures.append(f"{case}\n{script(case, outcome, SEED, index)}")
    assert not failures, "\n".join(failures)
