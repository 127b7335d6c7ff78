"""Greedy search for the fewest changes of the training set that change an answer.

Take the change that is estimated to move the answer most, solve again, and so on until the answer
is another one; then take back every change that is not needed. What is left is a smallest set by
inclusion: none of its changes can be spared, though another set may have fewer.
"""

from typing import Protocol, TypeVar

from ..problem import Problem

Change = TypeVar("Change")


class Search(Protocol[Change]):
    """The changes that a search chooses from, and what they do."""

    @property
    def problem(self) -> Problem:
        """Before any change, at its optimum."""

    def best(self, problem: Problem, chosen: list[Change]) -> Change | None:
        """Return the next change, or None."""

    def solve(self, chosen: list[Change], start: Problem) -> Problem:
        """Return the problem with these changes at its optimum, found from ``start``."""

    def changed(self, problem: Problem) -> bool:
        """Tell whether the answer is another one."""


def fewest(search: Search[Change], most: int) -> tuple[list[Change], bool]:
    """Return the changes that were chosen, and whether they change the answer.

    Parameters
    ----------
    search : Search
        What can be changed.
    most : int
        Changes at which to give up.
    """
    problem = search.problem
    chosen: list[Change] = []
    while not search.changed(problem):
        change = search.best(problem, chosen) if len(chosen) < most else None
        if change is None:
            return chosen, False
        chosen.append(change)
        problem = search.solve(chosen, problem)
    for change in chosen[:-1]:  # without the last the answer had not changed
        rest = [other for other in chosen if other != change]
        if search.changed(search.solve(rest, problem)):
            chosen = rest
    return chosen, True
