"""Prices: exact where the table knows, None where it does not, and never 0 for not knowing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import DataError
from evalkit.providers.prices import ModelPrice, Prices, load_prices
from evalkit.records.record import Usage

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "prices.json"
VOICE = ModelPrice(
    text_input=4, text_cached_input=0.4, text_output=16, audio_input=32, audio_cached_input=0.4, audio_output=64
)
TEXT = ModelPrice(text_input=2, text_cached_input=0.5, text_output=8)


def write(path: Path, models: Any) -> Path:
    path.write_text(json.dumps({"as_of": "2026-01-01", "models": models}))
    return path


def test_every_kind_of_token_has_its_price() -> None:
    """Text, audio and both cached kinds are billed at their own prices, cached ones not twice."""
    usage = Usage(
        input_tokens=1000, output_tokens=300, input_text_tokens=600, input_audio_tokens=400,
        input_cached_tokens=500, input_cached_audio_tokens=200, output_text_tokens=100, output_audio_tokens=200,
    )  # fmt: skip
    by_hand = (300 * 4 + 300 * 0.4 + 200 * 32 + 200 * 0.4 + 100 * 16 + 200 * 64) / 1e6
    assert VOICE.cost_usd(usage) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input_tokens=10, output_tokens=5),
        Usage(input_tokens=10, input_text_tokens=10),
        Usage(output_tokens=10, output_text_tokens=10),
        Usage(
            input_tokens=10, output_tokens=0, input_text_tokens=5, input_audio_tokens=5, input_cached_tokens=4,
            output_text_tokens=0,
        ),
        Usage(input_text_tokens=5, input_audio_tokens=0, output_text_tokens=0, output_audio_tokens=-1),
        Usage(
            input_text_tokens=5, input_audio_tokens=0, input_cached_tokens=9, output_text_tokens=0,
            output_audio_tokens=0,
        ),
    ],
)  # fmt: skip
def test_unclear_usage_costs_an_unknown_amount(usage: Usage) -> None:
    """Where the kinds of tokens cannot be told apart, or contradict each other, the cost is unknown."""
    assert VOICE.cost_usd(usage) is None


def test_what_was_not_told_is_what_is_left() -> None:
    """A missing part follows from the total and the other part; text models need no parts at all."""
    told = Usage(input_tokens=10, output_tokens=8, input_audio_tokens=6, output_audio_tokens=8)
    assert VOICE.cost_usd(told) == pytest.approx((4 * 4 + 6 * 32 + 8 * 64) / 1e6)
    assert TEXT.cost_usd(Usage(input_tokens=10, output_tokens=5)) == pytest.approx((10 * 2 + 5 * 8) / 1e6)


def test_cached_tokens_of_one_kind_are_clear() -> None:
    """Where the input is all text or all audio, cached tokens are of that kind."""
    text = Usage(input_tokens=10, output_tokens=0, input_cached_tokens=4)
    assert TEXT.cost_usd(text) == pytest.approx((6 * 2 + 4 * 0.5) / 1e6)
    audio = Usage(
        input_text_tokens=0, input_audio_tokens=10, input_cached_tokens=4, output_text_tokens=0, output_audio_tokens=0
    )
    assert VOICE.cost_usd(audio) == pytest.approx((6 * 32 + 4 * 0.4) / 1e6)


def test_a_missing_price_matters_only_where_it_is_needed() -> None:
    """A text model that is asked to pay for audio costs an unknown amount; without audio it does not matter."""
    assert TEXT.cost_usd(Usage(5, 5, 4, 1, output_text_tokens=5)) is None
    assert ModelPrice(text_input=1, text_output=1).cost_usd(Usage(10, 0, input_cached_tokens=3)) is None
    assert TEXT.cost_usd(Usage(0, 0)) == 0.0


counts = st.integers(min_value=0, max_value=10**7)


@given(text=counts, audio=counts, cached_text=counts, cached_audio=counts, out_text=counts, out_audio=counts)
def test_cost_adds_up(
    text: int, audio: int, cached_text: int, cached_audio: int, out_text: int, out_audio: int
) -> None:
    """The cost of any usage is the sum of its kinds at their prices."""
    usage = Usage(
        input_text_tokens=text + cached_text, input_audio_tokens=audio + cached_audio,
        input_cached_tokens=cached_text + cached_audio, input_cached_audio_tokens=cached_audio,
        output_text_tokens=out_text, output_audio_tokens=out_audio,
    )  # fmt: skip
    by_hand = (text * 4 + audio * 32 + (cached_text + cached_audio) * 0.4 + out_text * 16 + out_audio * 64) / 1e6
    assert VOICE.cost_usd(usage) == pytest.approx(by_hand)


def test_models_are_found_by_name_snapshot_and_beginning(tmp_path: Path) -> None:
    """A model has the price of its name, its dated names and its family; another date is unknown."""
    models = {"m": {"text_input": 1, "text_output": 1, "snapshots": ["m-2026-01-01"]}, "local-*": {"free": True}}
    prices = load_prices(write(tmp_path / "p.json", models))
    usage = Usage(1_000_000, 0)
    assert prices.cost_usd(usage, "m") == prices.cost_usd(usage, "m-2026-01-01") == 1.0
    assert prices.cost_usd(usage, "m-2026-02-02") is None
    assert prices.cost_usd(usage, "local-agent") == 0.0
    assert prices.cost_usd(Usage(), "local-agent") == 0.0
    assert prices.cost_usd(usage, "locals") is None


def test_speech_and_transcription() -> None:
    """Speech is billed by characters or minutes, transcription by minutes; without a price both are unknown."""
    prices = Prices(
        "2026-01-01",
        {
            "chars": ModelPrice(per_1m_characters=15),
            "minutes": ModelPrice(per_minute=0.006),
            "text": TEXT,
            "local-speech": ModelPrice(free=True),
        },
    )
    assert prices.speech_cost_usd("chars", 2000, 60_000) == pytest.approx(0.03)
    assert prices.speech_cost_usd("minutes", 2000, 90_000) == pytest.approx(0.009)
    assert prices.audio_cost_usd("minutes", 30_000) == pytest.approx(0.003)
    assert prices.speech_cost_usd("local-speech", 2000, 1) == 0.0
    assert prices.speech_cost_usd("text", 1, 1) is None
    assert prices.audio_cost_usd("chars", 1) is None
    assert prices.speech_cost_usd("nobody", 1, 1) is None


def test_the_shipped_table() -> None:
    """The shipped table loads, has a past date, knows the default models and charges nothing for the embedded ones."""
    prices = load_prices(SHIPPED)
    assert date(2026, 1, 1) < date.fromisoformat(prices.as_of) < date(2100, 1, 1)
    for model in ("gpt-realtime", "gpt-realtime-mini", "gpt-4.1-mini"):
        assert prices.find(model) is not None
    assert prices.speech_cost_usd("gpt-4o-mini-tts", 100, 60_000) == pytest.approx(0.015)
    assert prices.audio_cost_usd("gpt-4o-mini-transcribe", 60_000) is not None
    for model in ("local-agent", "local-speech", "local-judge"):
        assert prices.cost_usd(Usage(10, 10), model) == 0.0
    entries = json.loads(SHIPPED.read_text())["models"]
    assert all("source" in entry or "note" in entry for entry in entries.values())


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"m": {"text_inptu": 1}}, "text_inptu"),
        ({"m": {"text_input": "4"}}, "'4'"),
        ({"m": {"text_input": -4}}, "-4"),
        ({"m": 3}, "not a price table"),
        ([], "not a price table"),
    ],
)
def test_a_malformed_table_is_refused(tmp_path: Path, models: Any, said: str) -> None:
    """A price that is misspelt or no number is the user's error, with the file's name."""
    path = write(tmp_path / "p.json", models)
    with pytest.raises(DataError, match=said) as caught:
        load_prices(path)
    assert str(path) in str(caught.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    """A table that is not there, or no JSON, is named."""
    with pytest.raises(DataError, match="cannot be read"):
        load_prices(tmp_path / "none.json")
    (tmp_path / "bad.json").write_bytes(b"\xff{")
    with pytest.raises(DataError, match=r"bad\.json"):
        load_prices(tmp_path / "bad.json")
