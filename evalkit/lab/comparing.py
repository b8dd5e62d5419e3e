"""Two runs compared for the lab: what ``evalkit compare`` says, and the case-trials that flipped, with the reasons.

A key that only one of the two configs has is no difference: the other run is of a version that did not have it yet, or
no longer. Such keys are listed by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.modes.registry import layout_of
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord
from evalkit.reports.compare import PRIMARY, CompareOptions, Comparison, compare_runs
from evalkit.reports.pairs import Side
from evalkit.runs.sides import make_side
from evalkit.runs.stored_run import open_run


@dataclass(frozen=True)
class Flip:
    """A case-trial that passed in one of the runs and failed in the other.

    Attributes:
        key: The case-trial.
        case_id: Its case.
        is_lost: Whether it passed in A and failed in B; else the other way round.
        reasons: Why it failed where it did: a line for each grader that was not full, or how it broke off.

    """

    key: str
    case_id: str
    is_lost: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RunComparison:
    """Run A beside run B.

    Attributes:
        comparison: As ``evalkit compare`` has it.
        flips: Case-trials whose verdict changed: those that were lost, then those that were won, in the run's order.
        one_sided_keys: Keys that only one of the configs has.

    """

    comparison: Comparison
    flips: tuple[Flip, ...]
    one_sided_keys: tuple[str, ...]


def compare_folders(before: Path, after: Path, options: CompareOptions | None = None) -> RunComparison:
    """Return what changed from the run in `before` to the one in `after`.

    Raises ConfigError where one of them is no run that can be read, or their modes differ.
    """
    first, second = (_read_side(folder) for folder in (before, after))
    if first.layout.mode != second.layout.mode:
        raise ConfigError(
            f"A is mode={first.layout.mode}, B is mode={second.layout.mode}: only runs of one mode can be compared"
        )
    one_sided = sorted(_leaves(first.config).keys() ^ _leaves(second.config).keys())
    filled = [
        replace(side, config=_filled(side.config, other.config)) for side, other in ((first, second), (second, first))
    ]
    comparison = compare_runs(filled[0], filled[1], options or CompareOptions())
    return RunComparison(comparison, tuple(_flips(comparison)), tuple(one_sided))


def why_it_failed(record: CaseRecord, grades: Iterable[Grade]) -> tuple[str, ...]:
    """Return why a case-trial did not pass: how it broke off, or what each grader says that was not full.

    `grades` are its own, oldest first.
    """
    if record.failure:
        return (f"{record.failure.stage}: {record.failure.message}",)
    newest = {grade.question: grade for grade in grades}
    return tuple(
        f"{grade.grader_id}: {grade.rationale}"
        for grade in newest.values()
        if grade.grade is not None and grade.grade < 1
    )


def _read_side(folder: Path) -> Side:
    run = open_run(folder, "compare")
    return make_side(run, layout_of(run.config))


def _flips(comparison: Comparison) -> Iterable[Flip]:
    passed = next((change for change in comparison.metrics if change.metric == PRIMARY), None)
    if passed is None:
        return
    for keys, is_lost, side in ((passed.lost, True, comparison.after), (passed.won, False, comparison.before)):
        records = {record.key: record for record in side.records}
        grades: dict[str, list[Grade]] = defaultdict(list)
        for grade in side.grades:
            grades[grade.key].append(grade)
        for key in keys:
            yield Flip(key, records[key].case.case_id, is_lost, why_it_failed(records[key], grades[key]))


def _leaves(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in node.items():
        if isinstance(value, Mapping):
            found |= _leaves(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _filled(config: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with what `other` has of the keys that it has not."""
    filled = dict(config)
    for name, value in other.items():
        if isinstance(value, Mapping):
            own: Any = filled.get(name, {})
            if isinstance(own, Mapping):
                filled[name] = _filled(own, value)
        elif name not in filled:
            filled[name] = value
    return filled
