"""What came before in a file of millions of lines: exact, a stretch at a time, sixteen bytes a line."""

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Lines = npt.NDArray[np.int32]


class Seen:
    """Numbers with the line that had each first. Kept as a few sorted runs, each at least twice the next, so that adding
    all lines costs n log n and not n²."""

    def __init__(self) -> None:
        self._runs: list[tuple[Numbers, Lines]] = []

    def earlier(self, numbers: Numbers, lines: Lines) -> Lines:
        """For each number the line that had it first, 0 where that is this one; the numbers are remembered."""
        if not len(numbers):
            return np.zeros(0, np.int32)
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        first = np.ones(len(order), bool)
        first[1:] = ordered[1:] != ordered[:-1]
        group = np.cumsum(first) - 1
        unique, unique_lines = ordered[first], lines[order][first]
        before = np.zeros(len(unique), np.int32)
        for run, run_lines in self._runs:
            place = np.searchsorted(run, unique).clip(max=len(run) - 1)
            found = run[place] == unique
            before[found] = run_lines[place[found]]
        fresh = before == 0
        # The first of the stretch itself, unless an earlier stretch had it.
        answers = np.where(before[group] > 0, before[group], np.where(first, 0, unique_lines[group]))
        self._add(unique[fresh], unique_lines[fresh])
        earlier = np.empty(len(numbers), np.int32)
        earlier[order] = answers
        return earlier

    def _add(self, numbers: Numbers, lines: Lines) -> None:
        if not len(numbers):
            return
        self._runs.append((numbers, lines))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            later, earlier = self._runs.pop(), self._runs.pop()
            self._runs.append(_merged(earlier, later))


def _merged(a: tuple[Numbers, Lines], b: tuple[Numbers, Lines]) -> tuple[Numbers, Lines]:
    places = np.searchsorted(a[0], b[0]) + np.arange(len(b[0]))
    rest = np.ones(len(a[0]) + len(b[0]), bool)
    rest[places] = False
    return _filled(rest, places, a[0], b[0]), _filled(rest, places, a[1], b[1])


def _filled(rest: npt.NDArray[np.bool_], places: npt.NDArray[np.intp], x: Any, y: Any) -> Any:
    out = np.empty(len(rest), x.dtype)
    out[rest], out[places] = x, y
    return out
