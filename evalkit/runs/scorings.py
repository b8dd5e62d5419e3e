"""What ``evalkit score`` writes into ``provenance.json``: when a run was graded again, how, and by which expectations.

The run's config and records stay as they are. From then on a scoring's graders, judge, gates and reports hold in their
place, and so do expectations that it read again from changed data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.json import canonical
from evalkit.records.passing import required_graders
from evalkit.records.record import CaseRecord
from evalkit.reports.history import PriceDates

_NODES = ("judge", "gate", "report")


@dataclass(frozen=True)
class Scoring:
    """One use of ``evalkit score``.

    Attributes:
        at: When it began: UTC, ISO 8601.
        overrides: Those of the command line.
        price_date: The day of the prices.
        config: The nodes that are in force since then: ``judge``, ``gate``, ``report``, and ``mode.graders``.
        expectations: Case id -> what changed in how the case is graded (see :func:`find_changes`).

    """

    at: str
    overrides: tuple[str, ...]
    price_date: str
    config: Mapping[str, Any] = field(default_factory=dict)
    expectations: Mapping[str, Any] = field(default_factory=dict)


def read_scorings(provenance: Mapping[str, Any]) -> list[Scoring]:
    """Return the scorings of a run, oldest first."""
    return [Scoring(**{**entry, "overrides": tuple(entry["overrides"])}) for entry in provenance.get("scorings", ())]


def with_scoring(provenance: Mapping[str, Any], scoring: Scoring) -> dict[str, Any]:
    """Return `provenance` with one more scoring."""
    entry = {**asdict(scoring), "overrides": list(scoring.overrides)}
    return {**provenance, "scorings": [*provenance.get("scorings", ()), entry]}


def overlay_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a resolved `config` that a scoring puts in force."""
    return {**{node: config[node] for node in _NODES}, "graders": config["mode"]["graders"]}


def config_in_force(config: Mapping[str, Any], scorings: Sequence[Scoring]) -> dict[str, Any]:
    """Return a run's `config` as the newest of its scorings has it."""
    if not scorings or not scorings[-1].config:
        return dict(config)
    newest = dict(scorings[-1].config)
    mode = {**config["mode"], "graders": newest.pop("graders")}
    return {**config, **newest, "mode": mode}


def record_in_force(record: CaseRecord, scorings: Sequence[Scoring]) -> CaseRecord:
    """Return a stored `record` with the expectations of the newest scoring; the stored one is not touched."""
    changed = scorings[-1].expectations.get(record.case.case_id) if scorings else None
    return replace(record, case=with_expectations(record.case, changed)) if changed else record


def price_dates(provenance: Mapping[str, Any]) -> PriceDates:
    """Return which day's prices were used when, in the run and in each scoring of it."""
    begun = (str(provenance.get("started_at", "")), str(provenance.get("price_date", "")))
    scored = [(scoring.at, scoring.price_date) for scoring in read_scorings(provenance)]
    return PriceDates(tuple(entry for entry in (begun, *scored) if entry[1]))


def find_changes(stored: Case, current: Case) -> dict[str, Any]:
    """Return how the grading of `current` differs from that of `stored`, a case of the same id; empty: not at all."""
    now, then = _expectations(current), _expectations(stored)
    return now if canonical(now) != canonical(then) else {}


def asks_the_same(stored: Case, current: Case) -> bool:
    """Whether a conversation about `stored` is one about `current`: only grading may differ.

    What `current` does not say is not looked at: the recording of a walk case is part of its record.
    """
    now, then = _asked(current), _asked(stored)
    return canonical(now) == canonical({key: value for key, value in then.items() if key in now})


def with_expectations(case: Case, changed: Mapping[str, Any]) -> Case:
    """Return `case` with the expectations that :func:`find_changes` found."""
    inputs = {**case.inputs, "scenario": changed["scenario"]} if "scenario" in changed else case.inputs
    if "expected_answers" in changed:
        case = replace(case, extra={**case.extra, "expected_answers": changed["expected_answers"]})
    if "graders" in changed:
        case = replace(case, extra={**case.extra, "graders": changed["graders"]}, required_graders=None)
        case = replace(case, required_graders=required_graders(case))
    if "checks" in changed:
        required = tuple(spec["grader_id"] for spec in changed["checks"] if spec.get("required", True))
        case = replace(case, extra={**case.extra, "checks": changed["checks"]}, required_graders=required)
    return replace(
        case,
        inputs=inputs,
        expected_calls=tuple(ExpectedCall(**call) for call in changed["expected_calls"]),
        expects_no_call=changed["expects_no_call"],
    )


def _asked(case: Case) -> dict[str, Any]:
    """Return the inputs that the conversation depends on. The scenario is shown to judges only."""
    return {key: value for key, value in case.inputs.items() if key != "scenario" and not key.endswith("_path")}


def _expectations(case: Case) -> dict[str, Any]:
    judged = {"scenario": case.inputs["scenario"]} if "scenario" in case.inputs else {}
    outside = {name: case.extra[name] for name in ("graders", "expected_answers", "checks") if name in case.extra}
    calls = [asdict(call) for call in case.expected_calls]
    return {**judged, **outside, "expected_calls": calls, "expects_no_call": case.expects_no_call}
