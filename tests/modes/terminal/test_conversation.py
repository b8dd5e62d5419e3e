"""User and agent take turns until the user is done, and what was seen on the way stands in the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from terminal_sessions import make_reactor, make_session_case, make_stop

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.blame import find_failure
from evalkit.modes.terminal.case import Reaction, Reactor, UserAction
from evalkit.modes.terminal.conversation import SessionLog, SessionTurns
from evalkit.modes.terminal.link import AgentLink, AgentStop, StopKind
from evalkit.modes.terminal.reactors import Reactors
from evalkit.modes.terminal.user import SimulatedUser
from evalkit.records.record import Turn, Usage

Answer = AgentStop | Callable[[], AgentStop]


class ScriptedLink(AgentLink):
    """An agent that stops as it is told to, and remembers what the user did."""

    def __init__(self, *answers: Answer, first: AgentStop | None = None) -> None:
        self.answers, self.first = list(answers), first or make_stop()
        self.done: list[Reaction] = []
        self.waits: list[float | None] = []

    async def start(self) -> AgentStop:
        return self.first

    async def act(self, reaction: Reaction) -> AgentStop:
        self.done.append(reaction)
        self.waits.append(self.working_after_s)
        answer = self.answers.pop(0) if self.answers else make_stop(text="again?")
        return answer if isinstance(answer, AgentStop) else answer()

    async def close(self) -> None:
        return


async def hold(
    link: ScriptedLink, folder: Path, reactors: Sequence[Reactor] = (), **fields: Any
) -> tuple[list[Turn], SessionLog]:
    """Hold a session with a scripted agent."""

    async def nobody(*_: Any) -> Any:
        raise AssertionError

    limits = {name: fields.pop(name) for name in ("max_turns", "max_approvals", "count_usage") if name in fields}
    case = make_session_case(reactors=tuple(reactors), **fields)
    user = SimulatedUser(case, Reactors(case.reactors, nobody), nobody)
    given: dict[str, Any] = {"max_turns": 3, "max_approvals": 2, **limits}
    turns, log = list[Turn](), SessionLog()
    await SessionTurns(case=case, link=link, user=user, workspace=folder, litter=("*.log",), **given).hold(turns, log)
    assert len(turns) == len(log.turns)
    return turns, log


AGAIN = make_reactor("again", action="say", payload="go on")


async def test_a_turn_is_the_user_s_words_and_all_that_came_of_them(tmp_path: Path) -> None:
    """Who said it and why, how it was known that the agent was done, what it changed."""

    def write() -> AgentStop:
        (tmp_path / "a.txt").write_text("x")
        (tmp_path / "a.log").write_text("x")
        return make_stop(text="Wrote a.txt", elapsed_ms=20.0, first_output_ms=5.0, signals={"quiet": 20.04})

    usage = iter([(2, Usage(10, 5)), (0, Usage())])
    link = ScriptedLink(write)
    turns, log = await hold(link, tmp_path, count_usage=lambda: next(usage))
    [turn] = turns
    assert (turn.user_text, turn.assistant_text) == ("hello", "Wrote a.txt")
    assert turn.latencies == {"latency_first_output_ms": 5.0, "latency_turn_done_ms": 20.0}
    assert turn.measures == {"model_calls": 2.0}
    assert turn.usage == Usage(10, 5)
    assert turn.labels["files_changed"] == "a.txt"
    assert log.turns[0]["changed"] == ["a.txt"]
    assert log.turns[0]["signals"] == {"quiet": 20.0}
    assert log.turns[0]["left_by"] == "default"
    assert log.ending is not None
    assert find_failure(log.ending) is None


async def test_what_changes_while_it_is_the_user_s_turn_is_late(tmp_path: Path) -> None:
    """It belongs to no turn of the agent's."""
    link = ScriptedLink(make_stop(text="done"))
    late = tmp_path / "late.txt"

    async def decide(*_: Any) -> bool:
        late.write_text("x")
        return True

    llm = make_reactor("l", "llm", "wait", action="say", payload="and now?", limit=1)
    case = make_session_case(reactors=(llm,))
    user = SimulatedUser(case, Reactors(case.reactors, decide), None)  # type: ignore[arg-type]
    log = SessionLog()
    await SessionTurns(case, link, user, tmp_path, (), 5, 5).hold([], log)
    assert [entry["late"] for entry in log.turns] == [[], ["late.txt"]]
    assert [entry["changed"] for entry in log.turns] == [[], []]


async def test_only_prompts_count_as_turns(tmp_path: Path) -> None:
    """Answers, keys and waiting do not; the session ends where the user wants more than there is."""
    rules = [
        make_reactor("ok", "approval", action="approve"),
        make_reactor("key", pattern="menu", action="press", payload="down"),
        AGAIN,
    ]
    link = ScriptedLink(
        make_stop(StopKind.APPROVAL), make_stop(text="menu"), make_stop(text="menu"), make_stop(text="x"), make_stop()
    )
    _, log = await hold(link, tmp_path, rules, max_turns=2)
    actions = [str(reaction.action) for reaction in link.done]
    assert actions == ["say", "approve", "press", "press", "say"]
    assert log.ending is not None
    assert log.ending.wanted_more
    assert "used all its turns" in str(find_failure(log.ending))


async def test_questions_without_end_are_ended(tmp_path: Path) -> None:
    """More in a row than are allowed; those with a prompt between do not add up."""
    ok = make_reactor("ok", "approval", action="approve")
    asks = make_stop(StopKind.APPROVAL, "May I?")
    _, log = await hold(ScriptedLink(asks, asks, asks, asks), tmp_path, [ok])
    assert log.ending is not None
    assert log.ending.too_many_approvals
    assert len(log.turns) == 3
    _, log = await hold(ScriptedLink(asks, asks, make_stop(), asks, asks), tmp_path, [ok, AGAIN], max_turns=2)
    assert log.ending is not None
    assert not log.ending.too_many_approvals


@pytest.mark.parametrize("kind", sorted(set(StopKind) - {StopKind.READY, StopKind.APPROVAL, StopKind.WORKING}))
async def test_an_agent_that_cannot_go_on_ends_the_session(kind: StopKind, tmp_path: Path) -> None:
    """Its last turn stands in the record, and nobody reacts to it."""
    turns, log = await hold(ScriptedLink(make_stop(kind, "bye")), tmp_path, [AGAIN])
    assert [(turn.status, turn.assistant_text) for turn in turns] == [(kind, "bye")]
    assert log.ending is not None
    assert find_failure(log.ending) is not None


@pytest.mark.parametrize("kind", sorted(set(StopKind) - {StopKind.READY}))
async def test_an_agent_that_takes_no_prompt_is_given_none(kind: StopKind, tmp_path: Path) -> None:
    """There is no turn, and a failure of the start."""
    link = ScriptedLink(first=make_stop(kind))
    turns, log = await hold(link, tmp_path)
    assert (turns, link.done) == ([], [])
    assert log.ending is not None
    assert find_failure(log.ending) is not None


async def test_a_case_can_say_that_the_agent_failed(tmp_path: Path) -> None:
    """With its reason, or else the rule's name."""
    for payload, message in (("no tests", "no tests"), ("", "reactor give_up")):
        rule = make_reactor("give_up", action="fail", payload=payload)
        _, log = await hold(ScriptedLink(), tmp_path, [rule])
        assert log.ending is not None
        assert message in str(find_failure(log.ending))


async def test_the_user_steps_in_only_as_long_as_a_rule_is_left_for_it(tmp_path: Path) -> None:
    """Then the link waits until the agent has done."""
    rule = make_reactor("in", "working", action="press", payload="esc", after_s=1.0, limit=1)
    link = ScriptedLink(make_stop(StopKind.WORKING, elapsed_ms=1000))
    await hold(link, tmp_path, [rule])
    assert link.waits == [1.0, None]


async def test_a_session_of_keys_without_end_ends(tmp_path: Path) -> None:
    """Rules that only press keys would go on for ever."""
    rule = make_reactor("key", action="press", payload="down")
    _, log = await hold(ScriptedLink(), tmp_path, [rule])
    assert len(log.turns) == 500
    assert log.ending is not None
    assert log.ending.wanted_more


async def test_what_there_is_stays_when_a_session_breaks_off(tmp_path: Path) -> None:
    """The turns before the failure are evidence."""

    def fail() -> AgentStop:
        raise CaseFailure("prepare", "unsupported_action", "no form")

    turns: list[Turn] = []
    case = make_session_case(reactors=(AGAIN,))
    user = SimulatedUser(case, Reactors(case.reactors, None), None)  # type: ignore[arg-type]
    with pytest.raises(CaseFailure):
        await SessionTurns(case, ScriptedLink(make_stop(text="one"), fail), user, tmp_path, (), 5, 5).hold(
            turns, SessionLog()
        )
    assert [turn.assistant_text for turn in turns] == ["one"]
    assert Reaction(UserAction.SAY, "x").payload == "x"
