"""A forecast holds what will happen between its ends, and an unknown price stays unknown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.metrics.forecast import CaseWork, Forecast, Models, PriceList, Range, Rates, add_up, forecast_run
from evalkit.records.record import Usage
from evalkit.settings.resources import resource_dir

RATES = Rates(
    audio_input_ms_per_token=100,
    audio_output_ms_per_token=50,
    text_bytes_per_token=Range(4, 4),
    words_per_minute=Range(120, 120),
    answer_s=Range(2, 2),
    caller_turn_s=Range(3, 3),
    tool_call_tokens=Range(20, 20),
    judge_tokens_in=Range(1000, 1000),
    judge_tokens_out=Range(100, 100),
)
ONE = Range(1.0, 1.0)


def _dollar_per_token(usage: Usage, model: str) -> float | None:
    return None if model == "unknown" else float((usage.input_tokens or 0) + (usage.output_tokens or 0))


PRICES = PriceList(_dollar_per_token, lambda _, characters, __: float(characters), lambda _, ms: ms / 1000)


def _forecast(work: CaseWork, trials: int = 1, **models: str) -> Forecast:
    return forecast_run([work], trials, Models(**{"assistant": "x", **models}), RATES, PRICES)


def test_one_turn_by_hand() -> None:
    """400 bytes shown, 5 s heard, 2 s answered in 6 tokens of text, a call of 20: as on paper."""
    found = _forecast(CaseWork(shown_bytes=400, caller_ms=Range(5000, 5000)))
    assert found.input_tokens == Range(150, 150)
    assert found.output_tokens == Range(40 + 6 + 20, 40 + 6 + 20)
    assert found.caller_minutes.high == pytest.approx(5 / 60)
    assert found.answer_minutes.high == pytest.approx(2 / 60)
    assert found.cost_usd == {"assistant": Range(216, 216)}


def test_later_turns_are_shown_the_earlier_ones() -> None:
    """Three turns: instructions three times, the first turn twice more, the second once more."""
    work = CaseWork(shown_bytes=400, caller_ms=Range(5000, 5000), turns=Range(3, 3), calls_tools=False)
    found = _forecast(work)
    audio, text = 3 * 50 + 3 * (50 + 40), 3 * 100 + 3 * 6
    assert found.input_tokens.high == audio + text
    assert found.output_tokens.high == 3 * (40 + 6)


def test_what_was_shown_before_may_be_cached_at_the_cheap_end() -> None:
    """The dear end has nothing cached, the cheap one all but what is new."""
    seen: list[Usage] = []

    def price(usage: Usage, _: str) -> float:
        seen.append(usage)
        return float((usage.input_tokens or 0) - (usage.input_cached_tokens or 0))

    work = CaseWork(shown_bytes=400, caller_ms=Range(5000, 5000), turns=Range(3, 3), calls_tools=False)
    found = forecast_run([work], 1, Models("x"), RATES, PriceList(price, PRICES.of_speech, PRICES.of_audio))
    low, high = seen
    assert high.input_cached_tokens == 0
    assert (low.input_tokens or 0) - (low.input_cached_tokens or 0) == 100 + 3 * 50 + 2 * 40 + 2 * 6
    cost = found.cost_usd["assistant"]
    assert cost is not None
    assert cost.low < cost.high


def test_an_unknown_price_is_never_nothing() -> None:
    """The role, the total and any sum with it are unknown; what is known is told as the least."""
    work = CaseWork(shown_bytes=4, caller_ms=ONE, judgements=Range(2, 2))
    found = _forecast(work, assistant="unknown", judge="j")
    assert found.cost_usd["assistant"] is None
    assert found.total_usd is None
    assert found.unknown == ("assistant unknown",)
    assert found.known_usd == Range(2200, 2200)
    both = add_up([found, _forecast(work)])
    assert both.total_usd is None
    assert both.cases == 2


def test_speech_is_paid_once_for_all_trials_or_not_at_all() -> None:
    """A text is spoken once and kept, perhaps since an earlier run; everything else is paid for in each trial."""
    work = CaseWork(shown_bytes=4, caller_ms=ONE, spoken_characters=Range(50, 50), spoken_ms=Range(9, 9))
    found = _forecast(work, trials=3, speech="s")
    assert found.cost_usd["speech"] == Range(0, 50)
    assert found.case_trials == 3
    once, thrice = _forecast(work).cost_usd["assistant"], found.cost_usd["assistant"]
    assert once is not None
    assert thrice == once.times(Range.exactly(3))


def test_a_role_without_work_costs_nothing_and_is_not_named() -> None:
    """No judge is asked, nobody is heard: no line for them, whatever models are set."""
    found = _forecast(CaseWork(shown_bytes=4, caller_ms=ONE), judge="unknown", simulator="unknown", speech="unknown")
    assert set(found.cost_usd) == {"assistant"}
    assert found.total_usd is not None


@given(
    turns=st.tuples(st.integers(2, 5), st.integers(0, 15)),
    heard=st.tuples(st.floats(100, 5000), st.floats(0, 9000)),
    shown=st.integers(0, 20_000),
    trials=st.integers(1, 5),
)
def test_the_low_end_is_never_above_the_high_one(
    turns: tuple[int, int], heard: tuple[float, float], shown: int, trials: int
) -> None:
    """With the shipped rates, whatever there is to do."""
    rates = Rates.from_document(json.loads((resource_dir("data") / "rates.json").read_text(encoding="utf-8")))
    work = CaseWork(
        shown_bytes=shown,
        caller_ms=Range(heard[0], sum(heard)),
        turns=Range(float(turns[0]), float(sum(turns))),
        simulated_turns=Range(float(turns[0] - 1), float(sum(turns) - 1)),
        judgements=Range(float(turns[0]), float(sum(turns))),
        hears_answers=True,
    )
    models = Models("a", simulator="b", judge="c", transcription="d")
    found = forecast_run([work], trials, models, rates, PRICES)
    ranges = [found.caller_minutes, found.answer_minutes, found.input_tokens, found.output_tokens]
    costs = [cost for cost in found.cost_usd.values() if cost is not None]
    assert all(item.low <= item.high for item in [*ranges, *costs])
    assert len(costs) == 4
