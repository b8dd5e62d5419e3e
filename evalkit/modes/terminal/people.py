"""Who plays a persona and who answers a condition in words: the simulator's text model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.reactors import Decide
from evalkit.modes.terminal.settings import TerminalSettings
from evalkit.modes.terminal.user import CONDITION, CONDITION_SCHEMA, Play
from evalkit.peers.peers import Peers
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject


def play_with(settings: TerminalSettings, peers: Peers) -> Play:
    """Return what asks the simulator's model for the user's next words."""
    model = str(settings.simulator.model)

    async def play(instructions: str, past: Sequence[JsonObject]) -> tuple[str, float | None]:
        answer = await peers.text("simulator", model, Stage.SIMULATOR_TURN).ask(instructions, past)
        return answer.text.strip(), peers.cost_usd(answer, model)

    return play


def decide_with(settings: TerminalSettings, peers: Peers) -> Decide:
    """Return what asks the simulator's model whether a condition holds."""
    model = str(settings.simulator.model)

    async def decide(condition: str, shown: str) -> bool:
        question = f"CONDITION\n{condition}\n\nWHAT THE PROGRAM SHOWED\n{shown}\n\nEND"
        asked = peers.text("simulator", model, Stage.GRADING)
        answer = await asked.ask(CONDITION, question, schema=CONDITION_SCHEMA)
        if not isinstance(answer.parsed, Mapping):
            raise CaseFailure(Stage.GRADING, "invalid_response", f"{model} did not say whether {condition!r} holds")
        return bool(answer.parsed["holds"])

    return decide
