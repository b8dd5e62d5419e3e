"""A model is asked as the settings say, and stored answers are given as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_clock import FakeClock

from evalkit.errors import CaseFailure
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.stored_answers import StoredAnswer, StoredAnswers
from evalkit.modes.coding.who_answers import ask_model, give_stored
from evalkit.providers.text_model import Answer
from evalkit.records.case import Case, CaseTrial
from evalkit.records.record import Usage

TRIAL = CaseTrial(Case("go_a", "coding", {}), 1, 7)


class RecordingModel:
    """Keeps what it is asked and answers after two seconds."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[tuple[Any, ...]] = []

    async def ask(self, instructions: str, messages: Any, **sampling: Any) -> Answer:
        self.asked.append((instructions, messages, sampling))
        self.clock.now_s += 2
        return Answer("text", None, "", Usage(10, 20), "served", reasoning="hm", finish="stop", first_token_ms=300.0)


async def test_a_model_is_asked_with_its_settings(make_settings: Callable[..., CodingSettings], tmp_path: Path) -> None:
    """System prompt, temperature and limits as they stand; a seed of the trial's own for every round."""
    (tmp_path / "told.txt").write_text("Be brief.", encoding="utf-8")
    settings = make_settings(
        "assistant.temperature=0.3",
        "assistant.max_output_tokens=99",
        f"assistant.system_prompt_file={tmp_path}/told.txt",
    )
    clock = FakeClock()
    model = RecordingModel(clock)
    peers: Any = SimpleNamespace(text=lambda *_: model, cost_usd=lambda *_: 0.25)
    ask = ask_model(settings, peers, clock)
    messages = [{"role": "user", "content": "Do it."}]
    answer = await ask(TRIAL, messages, 1)
    await ask(TRIAL, messages, 2)
    (told, shown, sampling), (_, _, later) = model.asked
    assert (told, shown) == ("Be brief.", messages)
    assert (sampling["temperature"], sampling["max_output_tokens"], sampling["reasoning_effort"]) == (0.3, 99, None)
    assert (sampling["seed"], later["seed"]) == (7, 8)
    assert (answer.text, answer.model, answer.cost_usd, answer.ended) == ("text", "served", 0.25, "stop")
    assert answer.latencies == {"latency_first_text_ms": 300.0, "latency_response_done_ms": 2000.0}
    assert answer.reasoning == "hm"


async def test_stored_answers_cost_nothing_and_end_with_the_last_round() -> None:
    """A repair round that was not recorded is not asked for; a trial without an answer is lost, not failed."""
    give = give_stored(StoredAnswers(Path("place"), {"go_a": StoredAnswer(("one", "two"), "m")}))
    first, second = await give(TRIAL, [], 1), await give(TRIAL, [], 2)
    assert (first.text, first.is_last, first.cost_usd, first.model) == ("one", False, 0.0, "m")
    assert (second.text, second.is_last) == ("two", True)
    with pytest.raises(CaseFailure, match=r"has no answer to go_a\.t2"):
        await give(CaseTrial(TRIAL.case, 2, 7), [], 1)
