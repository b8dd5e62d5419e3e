"""The stored record: the result of one case-trial. Modes write it; graders and reports only read it.

A record is plain JSON on disk and these frozen dataclasses in memory; :func:`to_json` and :func:`from_json` are exact
inverses. It knows nothing of audio: what only voice needs goes into the open maps `latencies`, `measures` and
`artifacts`, whose names a mode chooses (`latency_first_audio_ms`, `input_audio_ms`, `output_audio_path`, …), as it
chooses the stages at which a case can fail.

A turn is stored as its steps, in the order in which they happened::

    "steps": [{"kind": "words", "text": "One moment."},
              {"kind": "tool_call", "name": "get_order_status", "arguments": {"order_id": "48213"}, …},
              {"kind": "tool_output", "name": "get_order_status", "output": {"status": "shipped"}, …},
              {"kind": "words", "text": "It has been shipped."}]

Version 1 kept words, calls and outputs apart; such records are still read, see :attr:`Turn.order_is_known`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field, is_dataclass
from typing import Any, TypeAlias

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault
from evalkit.records.json import Json, JsonObject

RECORD_VERSION = 2
_READABLE_VERSIONS = (1, RECORD_VERSION)


@dataclass(frozen=True)
class Words:
    """What the system under test said or wrote in one go (for voice: its transcript)."""

    text: str


@dataclass(frozen=True)
class ToolCall:
    """A tool call as the system under test made it. `arguments` is None when `raw_arguments` is not a JSON object."""

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
class CallerWords:
    """What a caller said while it was the assistant's turn.

    Attributes:
        text: The words; of a sound that is no word, a description in angle brackets.
        act: Why he said it: ``interruption``, ``turn`` (more to the assistant), ``keypress`` (he pressed these keys),
            or what wants no answer: ``backchannel``, ``vocal_tic``, ``side_speech``.

    """

    text: str
    act: str

    @property
    def is_addressed(self) -> bool:
        """Whether it was said to the assistant and wants an answer."""
        return self.act in ("interruption", "turn", "keypress")


Step: TypeAlias = Words | ToolCall | ToolOutput | CallerWords
"""One thing that happened in a turn."""

_STEP_TYPES: Mapping[str, type[Step]] = {
    "words": Words, "tool_call": ToolCall, "tool_output": ToolOutput, "caller_words": CallerWords,
}  # fmt: skip
_STEP_KINDS: Mapping[type, str] = {step_type: kind for kind, step_type in _STEP_TYPES.items()}


@dataclass(frozen=True)
class Usage:
    """Tokens of one or several responses, summed; None where the provider did not say.

    Cached tokens are among the input tokens, and cached audio tokens among the cached ones: they have other prices.
    Reasoning tokens are among the output tokens, and cost what these do.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_text_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_cached_tokens: int | None = None
    input_cached_audio_tokens: int | None = None
    output_text_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_reasoning_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        """Add field by field; a known number plus an unknown one is the known one."""
        return Usage(*(_sum_known(getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__))


def _sum_known(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def join_words(texts: Iterable[str]) -> str:
    """Return the texts that are not empty, with one space between them."""
    return " ".join(text for text in texts if text)


@dataclass(frozen=True)
class Turn:
    """One exchange: what was said to the system under test and all it did until it was done.

    Attributes:
        turn_index: Counts from 1.
        user_text: What the user said, as written or as the caller's own transcript has it.
        heard_text: What the system's recogniser took that for; None where there is none, or it does not tell.
        steps: What the system said, the tools it called and what they answered, in the order in which it happened; what
            a caller said in between stands among them.
        order_is_known: False for a turn of a version-1 record with both words and calls. Its steps are the calls, each
            followed by its output, and then all words, though some may have been said before a call.
        latencies: Name -> milliseconds since the request (for voice: since ``response.create`` was sent).
        measures: Name -> number, for example `input_audio_ms`.
        artifacts: Name -> path relative to the run directory.
        labels: Name -> a few words of the mode's own, for example which rule made the user act.
        usage: Tokens, when the provider reported them.
        status: How the last response ended, in the provider's word.

    """

    turn_index: int
    user_text: str
    steps: tuple[Step, ...] = ()
    _: KW_ONLY
    heard_text: str | None = None
    order_is_known: bool = True
    latencies: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    status: str = "completed"

    @property
    def all_user_text(self) -> str:
        """All words that were said to the system under test, in order."""
        further = (step.text for step in self.steps if isinstance(step, CallerWords) and step.is_addressed)
        return join_words((self.user_text, *further))

    @property
    def assistant_text(self) -> str:
        """All words of the system under test, in order."""
        return join_words(step.text for step in self.steps if isinstance(step, Words))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls, in the order in which they were made."""
        return tuple(step for step in self.steps if isinstance(step, ToolCall))

    @property
    def tool_outputs(self) -> tuple[ToolOutput, ...]:
        """The tools' answers: one output for each call that got one."""
        return tuple(step for step in self.steps if isinstance(step, ToolOutput))


@dataclass(frozen=True)
class Attempt:
    """One try at a case-trial. The last one is the one whose turns and files the record holds.

    Attributes:
        number: Counts from 1.
        duration_ms: How long it took.
        failure: Why another one followed, or what the record ended with; None when all is well.
        artifacts: Of an attempt that another one followed: name -> where what it left lies now, relative to the run
            directory. Its log names its sound files by the plain names that they had while it lasted.

    """

    number: int
    duration_ms: float
    failure: Failure | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseRecord:
    """The result of one case-trial, before anything is graded. Never changed once stored.

    Attributes:
        reuse_key: Hash of case content, settings, trial and seed. Two records with the same key answer the same
            question: resume, cached results and compare look at it.
        settings: The settings that can change the record, after defaults and overrides.
        turns: Empty when nothing was heard at all.
        failure: None when all is well.
        cost_usd: Role -> dollars; None where a price is unknown, never 0 for that reason.
        served_model: The model that said it answered.
        started_at: UTC, ISO 8601.
        notes: Name -> whatever else the mode keeps, for example each attempt at a caller's turn.

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
        """The name that its files begin with."""
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
        kind = {"kind": _STEP_KINDS[type(value)]} if type(value) in _STEP_KINDS else {}
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
        if isinstance(value, Turn):
            unsaid = {"labels": not value.labels, "heard_text": value.heard_text is None}
            fields = {name: inner for name, inner in fields.items() if not unsaid.get(name)}
        return {**kind, **{name: _plain(inner) for name, inner in fields.items()}}
    if isinstance(value, tuple):
        return tuple(_plain(inner) for inner in value)
    return value


def from_json(data: Mapping[str, Any]) -> CaseRecord:
    """Return the record in `data`, as :func:`to_json` of this version or an earlier one wrote it.

    Raises ValueError for a version that is not known here.
    """
    version = data.get("record_version")
    if version not in _READABLE_VERSIONS:
        known = " and ".join(map(str, _READABLE_VERSIONS))
        raise ValueError(f"record version {version!r}, this evalkit reads {known}")
    fields = {key: value for key, value in data.items() if key not in ("record_version", "case_sha256")}
    case = dict(fields["case"])
    case["expected_calls"] = tuple(ExpectedCall(**call) for call in case["expected_calls"])
    if case.get("required_graders") is not None:
        case["required_graders"] = tuple(case["required_graders"])
    fields["case"] = Case(**case)
    read_turn = _turn_of_version_1 if version == 1 else _turn
    fields["turns"] = tuple(read_turn(turn) for turn in fields["turns"])
    fields["attempts"] = tuple(
        Attempt(**{**attempt, "failure": _failure(attempt["failure"])}) for attempt in fields["attempts"]
    )
    fields["failure"] = _failure(fields["failure"])
    fields["fault"] = Fault(fields["fault"]) if fields["fault"] else None
    return CaseRecord(**fields)


def _turn(data: Mapping[str, Any]) -> Turn:
    return Turn(**{**data, "steps": tuple(map(_step, data["steps"])), "usage": Usage(**data["usage"])})


def _step(data: Mapping[str, Any]) -> Step:
    return _STEP_TYPES[data["kind"]](**{name: value for name, value in data.items() if name != "kind"})


def _turn_of_version_1(data: Mapping[str, Any]) -> Turn:
    """Return a turn whose words, calls and outputs were kept apart."""
    fields = dict(data)
    text, calls = fields.pop("assistant_text"), [ToolCall(**call) for call in fields.pop("tool_calls")]
    outputs = [ToolOutput(**output) for output in fields.pop("tool_outputs")]
    steps: list[Step] = []
    for call in calls:
        answer = next((output for output in outputs if output.call_id == call.call_id), None)
        steps.append(call)
        if answer is not None:
            outputs.remove(answer)
            steps.append(answer)
    steps += [*outputs, *([Words(text)] if text else [])]
    known = not (text and calls)
    return Turn(**{**fields, "steps": tuple(steps), "order_is_known": known, "usage": Usage(**fields["usage"])})


def _failure(data: Mapping[str, Any] | None) -> Failure | None:
    return Failure(**data) if data else None
