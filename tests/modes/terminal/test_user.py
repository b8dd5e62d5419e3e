"""The user follows the rules of the case, then the persona, then the default."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from terminal_sessions import make_reactor, make_session_case, make_stop

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.case import Reaction, UserAction
from evalkit.modes.terminal.link import StopKind
from evalkit.modes.terminal.reactors import Reactors
from evalkit.modes.terminal.user import SimulatedUser
from evalkit.records.json import JsonObject
from evalkit.simulator.conversation import Exchange

PERSONA = "You want a file hello.txt with a greeting. You are in a hurry."


class Player:
    """A model that says what it is told to, and remembers what it was asked."""

    def __init__(self, *lines: str, cost_usd: float | None = 0.5) -> None:
        self.lines, self.cost_usd = list(lines), cost_usd
        self.asked: list[tuple[str, Sequence[JsonObject]]] = []

    async def __call__(self, instructions: str, past: Sequence[JsonObject]) -> tuple[str, float | None]:
        self.asked.append((instructions, list(past)))
        return self.lines.pop(0), self.cost_usd


async def holds_not(condition: str, shown: str) -> bool:
    """Answer that no condition holds."""
    return False


def make_user(player: Player, *reactors: object, persona: str = PERSONA, **fields: object) -> SimulatedUser:
    """Return a user whose persona `player` plays."""
    default = make_reactor("default", None, action="fail", payload="stuck")
    case = make_session_case(persona=persona, reactors=reactors, default=default)
    return SimulatedUser(case, Reactors(case.reactors, holds_not), player, **fields)  # type: ignore[arg-type]


async def test_a_rule_goes_before_the_persona_and_the_persona_before_the_default() -> None:
    """The default is counted like any other, so that a case can require it."""
    user = make_user(Player("add a line"), make_reactor("stop", pattern="done"))
    assert await user.react(make_stop(text="all done")) == ("stop", Reaction(UserAction.END))
    assert await user.react(make_stop(text="go on")) == ("persona", Reaction(UserAction.SAY, "add a line"))
    assert await user.react(make_stop(StopKind.APPROVAL)) == ("default", Reaction(UserAction.FAIL, "stuck"))
    assert user.reactors.fired == {"stop": 1, "default": 1}
    nobody = make_user(Player(), persona="")
    assert (await nobody.react(make_stop(text="go on")))[0] == "default"


@pytest.mark.parametrize("text", ["END_CALL", "end_call.", "*END CALL*"])
async def test_a_persona_ends_the_session_with_a_word(text: str) -> None:
    """It is never sent to the agent."""
    user = make_user(Player(text))
    assert await user.react(make_stop()) == ("persona", Reaction(UserAction.END, "the persona is done"))


async def test_a_bad_turn_is_made_again() -> None:
    """Every attempt stands in the record, with what was wrong; all are paid for."""
    player = Player("How may I help you today?", "", "put a greeting in hello.txt")
    user = make_user(player, style="All in capitals.")
    user.past.append(Exchange("hello", "What shall I do?"))
    assert await user.react(make_stop()) == ("persona", Reaction(UserAction.SAY, "put a greeting in hello.txt"))
    assert [(entry["attempt"], entry.get("problem")) for entry in user.attempts] == [  # type: ignore[index, call-overload, union-attr]
        (1, "role_swap"), (2, "silence"), (3, None),
    ]  # fmt: skip
    assert user.cost_usd == 1.5
    assert all(PERSONA in instructions and "All in capitals." in instructions for instructions, _ in player.asked)
    assert any("What shall I do?" in str(message) for message in player.asked[0][1])


async def test_a_persona_that_stays_bad_is_the_simulator_s_fault() -> None:
    """The session ends there, and says how often it was tried."""
    user = make_user(Player(*["I am an AI language model."] * 3), max_regenerations=1)
    with pytest.raises(CaseFailure, match=r"turn 1 of the persona: .*; 2 attempts") as caught:
        await user.react(make_stop())
    assert (caught.value.stage, caught.value.error_type) == ("simulator_turn", "leaked_instructions")
    assert len(user.attempts) == 2


async def test_one_unknown_price_makes_the_cost_unknown() -> None:
    """A sum with a gap is no sum."""
    user = make_user(Player("a question about hello.txt", "END_CALL", cost_usd=None))
    await user.react(make_stop())
    await user.react(make_stop())
    assert user.cost_usd is None
