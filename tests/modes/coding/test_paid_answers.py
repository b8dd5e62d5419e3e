"""No answer is paid for twice: what was asked before is given from the run's own folder, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evalkit.modes.coding.attempts import Answerer, CodeAnswer
from evalkit.modes.coding.paid_answers import keep_answers
from evalkit.records.case import Case, CaseTrial
from evalkit.records.json import JsonObject
from evalkit.records.record import Usage

_TRIAL = CaseTrial(Case("t", "coding", {}), 1, 7)
_PROMPT: Sequence[JsonObject] = ({"role": "user", "content": "Mend it."},)


class _Paid:
    """Answers a new text each time, for a dollar."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, trial: CaseTrial, messages: Sequence[JsonObject], round_number: int) -> CodeAnswer:
        self.asked += 1
        return CodeAnswer(
            f"answer {self.asked} \udc80", model="m", usage=Usage(input_tokens=3), latencies={"latency_ms": 1.5},
            cost_usd=1.0, ended="stop", reasoning="hm",
        )  # fmt: skip


def _keeping(paid: _Paid, folder: Path, identity: str = "a") -> Answerer:
    return keep_answers(paid, folder, {"model": identity})


async def test_another_process_gets_the_same_answer_at_its_price(tmp_path: Path) -> None:
    """Everything of the answer comes back, and it is asked for once."""
    paid = _Paid()
    first = await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 1)
    again = await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 1)
    assert (paid.asked, again) == (1, first)


async def test_one_process_counts_the_price_once(tmp_path: Path) -> None:
    """A second attempt after a box that broke costs nothing more."""
    paid = _Paid()
    ask = _keeping(paid, tmp_path)
    costs = [(await ask(_TRIAL, _PROMPT, 1)).cost_usd for _ in range(3)]
    assert (paid.asked, costs) == (1, [1.0, 0.0, 0.0])


async def test_whatever_is_asked_differently_is_asked(tmp_path: Path) -> None:
    """Another model, prompt, round, seed or trial is another question."""
    paid = _Paid()
    other = CaseTrial(_TRIAL.case, 1, 8)
    second = CaseTrial(_TRIAL.case, 2, 7)
    await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 1)
    await _keeping(paid, tmp_path, "b")(_TRIAL, _PROMPT, 1)
    await _keeping(paid, tmp_path)(_TRIAL, ({"role": "user", "content": "Mend that."},), 1)
    await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 2)
    await _keeping(paid, tmp_path)(other, _PROMPT, 1)
    await _keeping(paid, tmp_path)(second, _PROMPT, 1)
    assert paid.asked == 6


async def test_half_a_line_is_no_answer(tmp_path: Path) -> None:
    """A process that was killed while it wrote leaves nothing that the next one takes for whole."""
    paid = _Paid()
    await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 1)
    kept = tmp_path / "t.jsonl"
    kept.write_bytes(kept.read_bytes()[:-20])
    await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 1)
    again = await _keeping(paid, tmp_path)(_TRIAL, _PROMPT, 1)
    assert (paid.asked, again.text) == (2, "answer 2 \udc80")
