"""Where answers come from: a model that is asked, or a place where they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.clock import Clock
from evalkit.errors import CaseFailure
from evalkit.modes.coding.attempts import Answerer, CodeAnswer
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.stored_answers import StoredAnswers
from evalkit.modes.text_assistant import read_prompt, sampling_of
from evalkit.peers.peers import Peers
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject


def ask_model(settings: CodingSettings, peers: Peers, clock: Clock) -> Answerer:
    """Return what asks the assistant: its system prompt, then the conversation so far."""
    model, told = str(settings.assistant.model), read_prompt(settings)
    assistant = peers.text("assistant", model, Stage.RESPONSE_ERROR)

    async def answer(trial: CaseTrial, messages: Sequence[JsonObject], round_number: int) -> CodeAnswer:
        asked_at = clock.now()
        sampling = sampling_of(settings)
        sampling["seed"] = _seed(trial, round_number)
        said = await assistant.ask(told, messages, **sampling)
        first = {} if said.first_token_ms is None else {"latency_first_text_ms": said.first_token_ms}
        return CodeAnswer(
            said.text,
            model=said.model,
            usage=said.usage,
            latencies={**first, "latency_response_done_ms": (clock.now() - asked_at) * 1000},
            cost_usd=peers.cost_usd(said, model),
            ended=said.finish,
            reasoning=said.reasoning,
        )

    return answer


def _seed(trial: CaseTrial, round_number: int) -> int:
    """Return a seed of the trial's own for each round, so that no round only repeats the one before."""
    return (trial.seed + round_number - 1) % 2**31


def give_stored(answers: StoredAnswers) -> Answerer:
    """Return what gives the stored answers, round by round, at no cost."""

    async def answer(trial: CaseTrial, messages: Sequence[JsonObject], round_number: int) -> CodeAnswer:  # noqa: ARG001
        found = answers.found.get(trial.key)
        if found is None or round_number > len(found.texts):
            raise CaseFailure(Stage.PREPARE, "no_stored_answer", f"{answers.place} has no answer to {trial.key}")
        is_last = round_number == len(found.texts)
        return CodeAnswer(found.texts[round_number - 1], model=found.model, is_last=is_last)

    return answer
