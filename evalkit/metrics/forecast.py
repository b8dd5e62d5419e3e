"""What a run will take, calculated before it starts: cases, minutes of sound, tokens and dollars, each as a range.

Nothing here reads a file or calls a provider: the caller says what there is to do (:class:`CaseWork`), at which rates
(:class:`Rates`, from ``data/rates.json``) and at which prices. A number that would need an unknown price is None,
and makes its sum None: unknown is never 0.

How a turn is calculated, in tokens (`i` for instructions and tools, `u` the caller's sound, `a` the assistant's): turn
`k` shows the model ``i + k·u + (k-1)·a`` and makes ``a`` and perhaps a tool call. The high end takes every turn to the
last, the longest answers and nothing cached; the low end the fewest turns, the shortest answers, and all that an
earlier turn has shown as cached, where the model has a price for that. Attempts that fail and are made again are not in
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

from evalkit.records.record import Usage


class Range(NamedTuple):
    """From the least to the most; both ends included."""

    low: float
    high: float

    @staticmethod
    def exactly(value: float) -> Range:
        """Return the range of one value."""
        return Range(value, value)

    def plus(self, other: Range) -> Range:
        """Return the range of the sum."""
        return Range(self.low + other.low, self.high + other.high)

    def times(self, other: Range) -> Range:
        """Return the range of the product of two ranges that are not negative."""
        return Range(self.low * other.low, self.high * other.high)


ZERO = Range(0.0, 0.0)
_TOKENS_PER_WORD = 1.5


@dataclass(frozen=True)
class Rates:
    """Rates that a forecast is calculated with; ``data/rates.json`` says where each comes from."""

    audio_input_ms_per_token: float
    audio_output_ms_per_token: float
    text_bytes_per_token: Range
    words_per_minute: Range
    answer_s: Range
    caller_turn_s: Range
    tool_call_tokens: Range
    judge_tokens_in: Range
    judge_tokens_out: Range

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the rates in a parsed ``data/rates.json``. Raises KeyError or TypeError where they are not in it."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            value = document[field.name]
            values[field.name] = Range(*value) if isinstance(value, list) else value
        return cls(**values)

    def text_tokens(self, text_bytes: int) -> Range:
        """Return how many tokens a text of so many UTF-8 bytes is."""
        return Range(text_bytes / self.text_bytes_per_token.high, text_bytes / self.text_bytes_per_token.low)

    def words_tokens(self, seconds: Range) -> Range:
        """Return how many tokens the words are that are spoken in so many seconds."""
        return seconds.times(self.words_per_minute).times(Range.exactly(_TOKENS_PER_WORD / 60))

    def spoken_ms(self, words: int, speed: float = 1.0) -> Range:
        """Return how long `words` last when they are spoken, in milliseconds."""
        minutes = Range(words / self.words_per_minute.high, words / self.words_per_minute.low)
        return Range(minutes.low * 60_000 / speed, minutes.high * 60_000 / speed)


@dataclass(frozen=True)
class CaseWork:
    """What one trial of one case takes.

    Attributes:
        shown_bytes: Instructions and tools, as UTF-8.
        caller_ms: The caller's sound in each turn.
        turns: How many turns the conversation takes.
        responses_per_turn: Responses the assistant makes in a turn: one more than its rounds of tool calls.
        calls_tools: Whether a tool call is to be expected at all.
        spoken_characters: What the speech role is given, in characters; 0 where recordings are played.
        spoken_ms: How long that lasts.
        simulated_turns: Turns that a simulated caller makes up.
        persona_bytes: What such a caller is told, as UTF-8.
        judgements: How often a judge is asked.
        hears_answers: Whether the answers' sound is transcribed for grading.
        answer_tokens: Tokens of an answer that is written; None: answers are spoken.
        caller_tokens: Tokens of the caller's words in each turn, where they are written.

    """

    shown_bytes: int
    caller_ms: Range
    turns: Range = Range(1.0, 1.0)  # noqa: RUF009  a tuple cannot change
    responses_per_turn: Range = Range(1.0, 1.0)  # noqa: RUF009
    calls_tools: bool = True
    spoken_characters: Range = ZERO
    spoken_ms: Range = ZERO
    simulated_turns: Range = ZERO
    persona_bytes: int = 0
    judgements: Range = ZERO
    hears_answers: bool = False
    answer_tokens: Range | None = None
    caller_tokens: Range = ZERO


@dataclass(frozen=True)
class Models:
    """The model of each role; None: the run has no such role. `simulator_speaks`: the caller is a realtime model."""

    assistant: str
    speech: str | None = None
    simulator: str | None = None
    simulator_speaks: bool = True
    judge: str | None = None
    transcription: str | None = None


@dataclass(frozen=True)
class PriceList:
    """Functions that return prices; each returns None where a price is unknown.

    Attributes:
        of_usage: Dollars for tokens of a model.
        of_speech: Dollars for speaking (model, characters, milliseconds).
        of_audio: Dollars for hearing (model, milliseconds).

    """

    of_usage: Callable[[Usage, str], float | None]
    of_speech: Callable[[str, int, float], float | None]
    of_audio: Callable[[str, float], float | None]


@dataclass(frozen=True)
class Forecast:
    """What one or several runs will take.

    Attributes:
        cases: Cases to run.
        case_trials: Cases times trials.
        caller_minutes: Sound that the assistant hears.
        answer_minutes: Sound that it makes.
        input_tokens: Of the assistant.
        output_tokens: Of the assistant.
        cost_usd: By role; None where a price is unknown.
        unknown: Models without a price, each with its role.

    """

    cases: int
    case_trials: int
    caller_minutes: Range
    answer_minutes: Range
    input_tokens: Range
    output_tokens: Range
    cost_usd: Mapping[str, Range | None]
    unknown: tuple[str, ...] = ()

    @property
    def total_usd(self) -> Range | None:
        """What all roles cost together; None when one of them is unknown."""
        costs = list(self.cost_usd.values())
        return None if None in costs else _sum(cost for cost in costs if cost is not None)

    @property
    def known_usd(self) -> Range:
        """What the roles with known prices cost together: no less than this."""
        return _sum(cost for cost in self.cost_usd.values() if cost is not None)


def forecast_run(works: Sequence[CaseWork], trials: int, models: Models, rates: Rates, prices: PriceList) -> Forecast:
    """Return what `trials` of each of `works` take."""
    times = Range.exactly(float(trials))
    answers = [_Conversation(work, rates) for work in works]
    costs = {
        "assistant": _sum_known(_priced(answer.usages, models.assistant, prices) for answer in answers),
        **_other_costs(works, answers, models, rates, prices),
    }
    return Forecast(
        cases=len(works),
        case_trials=len(works) * trials,
        caller_minutes=_sum(answer.caller_ms for answer in answers).times(times).times(Range.exactly(1 / 60_000)),
        answer_minutes=_sum(answer.answer_ms for answer in answers).times(times).times(Range.exactly(1 / 60_000)),
        input_tokens=_sum(answer.input_tokens for answer in answers).times(times),
        output_tokens=_sum(answer.output_tokens for answer in answers).times(times),
        cost_usd={
            role: None
            if cost is None
            else _speech_over(trials, cost, models)
            if role == "speech"
            else cost.times(times)
            for role, cost in costs.items()
        },
        unknown=tuple(f"{role} {getattr(models, role)}" for role, cost in costs.items() if cost is None),
    )


def _speech_over(trials: int, cost: Range, models: Models) -> Range:
    """Return the cost of speech over `trials`: a text is spoken once and cached, perhaps since an earlier run.

    A text caller makes up another text in each trial.
    """
    return Range(0.0, cost.high if models.simulator_speaks else cost.high * trials)


def add_up(forecasts: Sequence[Forecast]) -> Forecast:
    """Return what all of `forecasts` take together."""
    roles = dict.fromkeys(role for forecast in forecasts for role in forecast.cost_usd)
    costs = {role: [f.cost_usd[role] for f in forecasts if role in f.cost_usd] for role in roles}
    return Forecast(
        cases=sum(forecast.cases for forecast in forecasts),
        case_trials=sum(forecast.case_trials for forecast in forecasts),
        caller_minutes=_sum(forecast.caller_minutes for forecast in forecasts),
        answer_minutes=_sum(forecast.answer_minutes for forecast in forecasts),
        input_tokens=_sum(forecast.input_tokens for forecast in forecasts),
        output_tokens=_sum(forecast.output_tokens for forecast in forecasts),
        cost_usd={role: _sum_known(listed) for role, listed in costs.items()},
        unknown=tuple(dict.fromkeys(model for forecast in forecasts for model in forecast.unknown)),
    )


class _Conversation:
    """The assistant's side of one case-trial, from the least to the most expensive."""

    def __init__(self, work: CaseWork, rates: Rates) -> None:
        responses = work.turns.times(work.responses_per_turn)
        shown = rates.text_tokens(work.shown_bytes)
        answer_s = rates.answer_s if work.answer_tokens is None else ZERO
        self._ends = [
            _Tokens(
                turns=_end(work.turns, end),
                responses=_end(responses, end),
                shown=_end(shown, end),
                heard=_end(work.caller_ms, end) / rates.audio_input_ms_per_token,
                spoken=_end(answer_s, end) * 1000 / rates.audio_output_ms_per_token,
                words=_end(answer_s, end) * _end(rates.words_per_minute, end) / 60 * _TOKENS_PER_WORD
                + _end(work.answer_tokens or ZERO, end),
                calls=_end(rates.tool_call_tokens, end) if work.calls_tools else 0.0,
                read=_end(work.caller_tokens, end),
            )
            for end in (0, 1)
        ]
        self.caller_ms = work.caller_ms.times(work.turns)
        self.answer_ms = Range(*(tokens.turns * _end(answer_s, end) * 1000 for end, tokens in enumerate(self._ends)))
        low, high = self._ends
        # At the low end, what was shown before is cached.
        self.usages = low.usage(cached=True), high.usage(cached=False)
        self.input_tokens = Range(*(float(usage.input_tokens or 0) for usage in self.usages))
        self.output_tokens = Range(*(float(usage.output_tokens or 0) for usage in self.usages))


class _Tokens(NamedTuple):
    """Tokens of a conversation in which every turn is like the others."""

    turns: float
    responses: float
    shown: float
    heard: float
    spoken: float
    words: float
    calls: float
    read: float

    def usage(self, *, cached: bool) -> Usage:
        """Return the sum over all responses. Each is shown what was said before it, and the instructions again."""
        per_turn = self.responses / self.turns
        earlier = per_turn * self.turns * (self.turns - 1) / 2  # turns said before, summed over all responses
        audio_in = self.responses * self.heard + earlier * (self.heard + self.spoken)
        text_in = self.responses * (self.shown + self.read) + earlier * (self.words + self.calls + self.read)
        first_audio, first_text = self.turns * self.heard + (self.turns - 1) * self.spoken, self.shown
        first_text += (self.turns - 1) * (self.words + self.calls) + self.turns * self.read
        cached_audio = max(audio_in - first_audio, 0.0) if cached else 0.0
        cached_text = max(text_in - first_text, 0.0) if cached else 0.0
        audio_out, text_out = self.turns * self.spoken, self.turns * self.words + self.responses * self.calls
        return Usage(
            input_tokens=math.ceil(audio_in) + math.ceil(text_in),
            output_tokens=math.ceil(audio_out) + math.ceil(text_out),
            input_text_tokens=math.ceil(text_in),
            input_audio_tokens=math.ceil(audio_in),
            input_cached_tokens=math.floor(cached_audio) + math.floor(cached_text),
            input_cached_audio_tokens=math.floor(cached_audio),
            output_text_tokens=math.ceil(text_out),
            output_audio_tokens=math.ceil(audio_out),
        )


def _other_costs(
    works: Sequence[CaseWork], answers: Sequence[_Conversation], models: Models, rates: Rates, prices: PriceList
) -> dict[str, Range | None]:
    """Return what the roles beside the assistant cost, for one trial of each case; a role without work is left out."""
    costs: dict[str, Range | None] = {}
    if models.speech is not None and any(work.spoken_characters.high for work in works):
        costs["speech"] = _sum_known(_speech_cost(work, models.speech, prices) for work in works)
    if models.simulator is not None and any(work.simulated_turns.high for work in works):
        costs["simulator"] = _sum_known(
            _priced(_caller_usages(work, models, rates), models.simulator, prices) for work in works
        )
    if models.judge is not None and any(work.judgements.high for work in works):
        costs["judge"] = _sum_known(_priced(_judge_usages(work, rates), models.judge, prices) for work in works)
    if models.transcription is not None and any(work.hears_answers for work in works):
        model = models.transcription
        heard = [answer.answer_ms for answer, work in zip(answers, works, strict=True) if work.hears_answers]
        costs["transcription"] = _sum_known(_range(*(prices.of_audio(model, ms) for ms in end)) for end in heard)
    return costs


def _speech_cost(work: CaseWork, model: str, prices: PriceList) -> Range | None:
    ends = zip(work.spoken_characters, work.spoken_ms, strict=True)
    return _range(*(prices.of_speech(model, math.ceil(characters), ms) for characters, ms in ends))


def _caller_usages(work: CaseWork, models: Models, rates: Rates) -> tuple[Usage, Usage]:
    """Return what a simulated caller takes: it is shown the call as words each time, and answers in sound or words."""
    usages = []
    for end in (0, 1):
        turns = _end(work.simulated_turns, end)
        seconds = _end(rates.caller_turn_s, end)
        words = seconds * _end(rates.words_per_minute, end) / 60 * _TOKENS_PER_WORD
        answer = _end(rates.answer_s, end) * _end(rates.words_per_minute, end) / 60 * _TOKENS_PER_WORD
        text_in = turns * _end(rates.text_tokens(work.persona_bytes), end) + turns * (turns + 1) / 2 * (words + answer)
        audio_out = turns * seconds * 1000 / rates.audio_output_ms_per_token if models.simulator_speaks else 0.0
        usages.append(_usage(text_in, turns * words, audio_out))
    return usages[0], usages[1]


def _judge_usages(work: CaseWork, rates: Rates) -> tuple[Usage, Usage]:
    low, high = (
        _usage(
            _end(work.judgements, end) * _end(rates.judge_tokens_in, end),
            _end(work.judgements, end) * _end(rates.judge_tokens_out, end),
        )
        for end in (0, 1)
    )
    return low, high


def _usage(text_in: float, text_out: float, audio_out: float = 0.0) -> Usage:
    return Usage(
        input_tokens=math.ceil(text_in),
        output_tokens=math.ceil(text_out) + math.ceil(audio_out),
        input_text_tokens=math.ceil(text_in),
        input_audio_tokens=0,
        output_text_tokens=math.ceil(text_out),
        output_audio_tokens=math.ceil(audio_out),
    )


def _priced(usages: tuple[Usage, Usage], model: str, prices: PriceList) -> Range | None:
    return _range(*(prices.of_usage(usage, model) for usage in usages))


def _range(low: float | None, high: float | None) -> Range | None:
    return None if low is None or high is None else Range(min(low, high), max(low, high))


def _end(values: Range, end: int) -> float:
    return values.high if end else values.low


def _sum(ranges: Iterable[Range]) -> Range:
    total = ZERO
    for item in ranges:
        total = total.plus(item)
    return total


def _sum_known(ranges: Iterable[Range | None]) -> Range | None:
    listed = list(ranges)
    return None if None in listed else _sum(item for item in listed if item is not None)
