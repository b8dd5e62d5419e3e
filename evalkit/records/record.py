"""The stored record: the waist of the house. Left of it writes, right of it only reads.

A record is plain JSON on disk and these frozen dataclasses in memory; :func:`to_json` and :func:`from_json` are exact
inverses. It knows nothing of audio: what only voice needs goes into the open maps `latencies`, `measures` and
`artifacts`, whose names a mode chooses (`latency_first_audio_ms`, `input_audio_ms`, `output_audio_path`, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.json import Json, JsonObject

RECORD_VERSION = 1


@dataclass(frozen=True)
class ToolCall:
    """A tool call as the system under test made it. `arguments` is None when `raw_arguments` is no JSON object."""

    name: str
    arguments: JsonObject | None
    raw_arguments: str
    call_id: str


@dataclass(frozen=True)
class ToolOutput:
    """What a tool answered to one call."""

    call_id: str
    name: str
    arguments: JsonObject | None
    output: Json


@dataclass(frozen=True)
class Usage:
    """Tokens of one or several responses, summed; None where the provider did not say.

    Cached tokens are among the input tokens, and cached audio tokens among the cached ones: they have other prices.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_text_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_cached_tokens: int | None = None
    input_cached_audio_tokens: int | None = None
    output_text_tokens: int | None = None
    output_audio_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        """Add field by field; a known number plus an unknown one is the known one."""
        return Usage(*(_sum_known(getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__))


def _sum_known(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


@dataclass(frozen=True)
class Turn:
    """One exchange: what was said to the system under test and all it did until it was done.

    Attributes:
        turn_index: Counts from 1.
        user_text: What the user said, as written or as the caller's own transcript has it.
        assistant_text: The system's own words (for voice: its transcript), joined over its responses.
        tool_calls: In the order they were made.
        tool_outputs: One for each call that was answered.
        latencies: Name -> milliseconds since the request (for voice: since ``response.create`` was sent).
        measures: Name -> number, for example `input_audio_ms`.
        artifacts: Name -> path relative to the run directory.
        usage: Tokens, when the provider reported them.
        status: How the last response ended, in the provider's word.

    """

    turn_index: int
    user_text: str
    assistant_text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_outputs: tuple[ToolOutput, ...] = ()
    latencies: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    status: str = "completed"


@dataclass(frozen=True)
class Attempt:
    """One try at a case-trial. The last one is the one whose turns the record holds."""

    number: int
    duration_ms: float
    failure: Failure | None = None


@dataclass(frozen=True)
class CaseRecord:
    """Everything one case-trial left behind, before anything is graded. Never changed once stored.

    Attributes:
        reuse_key: Hash of case content, settings in effect, trial, seed and record version: what resume, cached
            results and compare go by.
        settings: The settings that were in effect, after defaults and overrides.
        turns: Empty when nothing was heard at all.
        failure: None when all is well.
        cost_usd: Role -> dollars; None where a price is unknown, never 0 for that reason.
        served_model: The model that said it answered.
        started_at: UTC, ISO 8601.
        notes: Name -> whatever else the mode saw fit to keep, for example each attempt at a caller's turn.

    """

    case: Case
    trial: int
    seed: int
    reuse_key: str
    settings: JsonObject
    turns: tuple[Turn, ...]
    failure: Failure | None
    attempts: tuple[Attempt, ...]
    cost_usd: Mapping[str, float | None]
    served_model: str
    started_at: str
    duration_ms: float
    artifacts: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    fault: Fault | None = None
    notes: JsonObject = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name of its files."""
        return self.case.case_id if self.trial == 1 else f"{self.case.case_id}.t{self.trial}"

    @property
    def scored(self) -> bool:
        """Whether it counts in a mean: it ended well, or badly by the assistant's own fault."""
        return self.fault in (None, Fault.ASSISTANT)


def to_json(record: CaseRecord) -> dict[str, Any]:
    """Return `record` as plain JSON values."""
    return {"record_version": RECORD_VERSION, "case_sha256": record.case.sha256, **_plain(record)}


def _plain(value: Any) -> Any:
    """Return dataclasses as dicts, at any depth; all else is plain already, and shared with the record."""
    if is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return tuple(_plain(inner) for inner in value)
    return value


def from_json(data: Mapping[str, Any]) -> CaseRecord:
    """Return the record that :func:`to_json` made `data` of. Raises ValueError for another record version."""
    if data.get("record_version") != RECORD_VERSION:
        raise ValueError(f"record version {data.get('record_version')!r}, this evalkit reads {RECORD_VERSION}")
    fields = {key: value for key, value in data.items() if key not in ("record_version", "case_sha256")}
    case = dict(fields["case"])
    case["expected_calls"] = tuple(ExpectedCall(**call) for call in case["expected_calls"])
    if case.get("required_graders") is not None:
        case["required_graders"] = tuple(case["required_graders"])
    fields["case"] = Case(**case)
    fields["turns"] = tuple(_turn(turn) for turn in fields["turns"])
    fields["attempts"] = tuple(
        Attempt(item["number"], item["duration_ms"], _failure(item["failure"])) for item in fields["attempts"]
    )
    fields["failure"] = _failure(fields["failure"])
    fields["fault"] = Fault(fields["fault"]) if fields["fault"] else None
    return CaseRecord(**fields)


def _turn(data: Mapping[str, Any]) -> Turn:
    return Turn(
        **{
            **data,
            "tool_calls": tuple(ToolCall(**call) for call in data["tool_calls"]),
            "tool_outputs": tuple(ToolOutput(**output) for output in data["tool_outputs"]),
            "usage": Usage(**data["usage"]),
        }
    )


def _failure(data: Mapping[str, Any] | None) -> Failure | None:
    return Failure(**{**data, "stage": Stage(data["stage"])}) if data else None
