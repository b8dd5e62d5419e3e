"""The grades of a run that is still graded: found by case-trial without being held in memory."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson

from evalkit.metrics.cost import grade_costs_usd
from evalkit.records.grade import Grade, grade_from_json


class StoredGrades:
    """The lines of one ``grades.jsonl``, as far as they were read. For one thread at a time.

    Attributes:
        cost_usd: What all of them cost, in dollars, as far as prices are known.
        cost_is_whole: Whether all prices are known.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._end = 0
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.cost_usd = 0.0
        self.cost_is_whole = True

    def read_on(self) -> None:
        """Find what has been added since the last time."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            if file.seek(0, 2) < self._end:
                self._forget()
            file.seek(self._end)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                grade = _grade_of(line)
                if grade is not None:
                    self._places[grade.key].append((self._end, len(line)))
                    self._pay(grade)
                self._end += len(line)

    def of(self, key: str) -> list[Grade]:
        """Return the grades of one case-trial, oldest first."""
        places = self._places.get(key, ())
        if not places or not self._path.is_file():
            return []
        with self._path.open("rb") as file:
            lines = [_read_at(file, start, length) for start, length in places]
        return [grade for line in lines if (grade := _grade_of(line)) is not None]

    def _pay(self, grade: Grade) -> None:
        costs = list(grade_costs_usd(grade).values())
        self.cost_usd += sum(cost for cost in costs if cost is not None)
        self.cost_is_whole = self.cost_is_whole and None not in costs


def _read_at(file: Any, start: int, length: int) -> bytes:
    file.seek(start)
    line: bytes = file.read(length)
    return line


def _grade_of(line: bytes) -> Grade | None:
    try:
        return grade_from_json(orjson.loads(line))
    except (ValueError, TypeError, AttributeError):
        return None
