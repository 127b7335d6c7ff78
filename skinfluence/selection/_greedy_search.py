"""Greedy search for the fewest changes of the training set that change an answer.

Take the change that is estimated to move the answer most, solve again, and so on until the answer
is another one; then take back every change that is not needed. What is left is a smallest set by
inclusion: none of its changes can be spared, though another set may have fewer.
"""

from collections.abc import Callable
from typing import TypeVar

from ..problems import Problem

Change = TypeVar("Change")


def fewest(
    problem: Problem,
    best: Callable[[Problem, list[Change]], Change | None],
    solve: Callable[[list[Change], Problem], Problem],
    changed: Callable[[Problem], bool],
    most: int,
) -> tuple[list[Change], bool]:
    """Return the changes that were chosen, and whether they change the answer.

    Parameters
    ----------
    problem : Problem
        Before any change, at its optimum.
    best : callable
        ``best(problem, chosen)`` is the next change, or None.
    solve : callable
        ``solve(chosen, start)`` is the problem with these changes at its optimum.
    changed : callable
        ``changed(problem)`` tells whether the answer is another one.
    most : int
        Changes at which to give up.
    """
    chosen: list[Change] = []
    while not changed(problem):
        change = best(problem, chosen) if len(chosen) < most else None
        if change is None:
            return chosen, False
        chosen.append(change)
        problem = solve(chosen, problem)
    for change in chosen[:-1]:  # without the last the answer had not changed
        rest = [other for other in chosen if other != change]
        if changed(solve(rest, problem)):
            chosen = rest
    return chosen, True
