"""One session: the user and the agent take turns until the user is done; what was seen on the way becomes evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.modes.terminal.blame import SessionEnding, was_not_started
from evalkit.modes.terminal.case import ENDS_SESSION, PROMPTS, Reaction, TerminalCase, UserAction
from evalkit.modes.terminal.cases import FIRST_WORDS
from evalkit.modes.terminal.link import AgentLink, AgentStop, StopKind
from evalkit.modes.terminal.user import SimulatedUser
from evalkit.modes.terminal.workspace import find_changed, watch_tree
from evalkit.records.json import Json
from evalkit.records.record import Step, Turn, Usage, Words
from evalkit.simulator.conversation import Exchange

_SCREEN_CHARS = 8_000
_TEXT_CHARS = 64_000

_MOST_ACTIONS = 500
_GOES_ON = frozenset({StopKind.READY, StopKind.APPROVAL, StopKind.WORKING})

CountUsage = Callable[[], tuple[int, Usage]]
"""-> model calls and tokens since it was last asked."""


@dataclass
class SessionLog:
    """What a session leaves beside its turns.

    Attributes:
        turns: One entry for each turn, as ``notes["session"]["turns"]`` has it.
        ending: How it stopped; set when it has.

    """

    turns: list[dict[str, Json]] = field(default_factory=list)
    ending: SessionEnding | None = None


@dataclass
class SessionTurns:
    """The turns of one session.

    Attributes:
        case: What is asked.
        link: To the agent.
        user: Who asks.
        workspace: The folder that is watched.
        litter: Globs of what the agent always leaves in it.
        max_turns: How often the user may ask for something; answers to questions, keys and waiting do not count.
        max_approvals: How often the agent may ask in a row.
        count_usage: Of the gateway; None: nobody counts.

    """

    case: TerminalCase
    link: AgentLink
    user: SimulatedUser
    workspace: Path
    litter: tuple[str, ...]
    max_turns: int
    max_approvals: int
    count_usage: CountUsage | None = None

    async def hold(self, turns: list[Turn], log: SessionLog) -> None:
        """Hold the session; fill in `turns` and `log` as it goes, so that what there is stays when it breaks off.

        Raises CaseFailure for what is the fault of the case, the user's model or a service; how the agent itself
        stopped stands in the log.
        """
        seen = watch_tree(self.workspace)
        stop = await self.link.start()
        if stop.kind is not StopKind.READY:
            log.ending = SessionEnding(stop, started=False)
            return
        who, reaction, approvals = FIRST_WORDS, Reaction(UserAction.SAY, self.case.initial_prompt), 0
        prompts = 0
        for number in range(1, _MOST_ACTIONS + 1):
            prompts += reaction.action in PROMPTS
            if prompts > self.max_turns:
                break
            before = watch_tree(self.workspace)
            late = find_changed(seen, before, self.litter)
            self.link.working_after_s = self.user.reactors.working_after_s
            stop = await self.link.act(reaction)
            seen = watch_tree(self.workspace)
            changed = find_changed(before, seen, self.litter)
            turns.append(self._turn(number, who, reaction, stop, changed))
            log.turns.append(_entry(who, reaction, stop, changed, late if number > 1 else []))
            log.ending = SessionEnding(stop, started=not (self.link.starts_each_turn and was_not_started(stop)))
            if stop.kind not in _GOES_ON:
                return
            approvals = approvals + 1 if stop.kind is StopKind.APPROVAL else 0
            if approvals > self.max_approvals:
                log.ending = SessionEnding(stop, too_many_approvals=True)
                return
            self.user.past.append(Exchange(_describe(reaction), stop.text))
            who, reaction = await self.user.react(stop)
            if reaction.action in ENDS_SESSION:
                given_up = (reaction.payload or f"reactor {who}") if reaction.action is UserAction.FAIL else ""
                log.ending = SessionEnding(stop, given_up=given_up)
                log.turns[-1]["left_by"] = who
                return
        log.ending = SessionEnding(stop, wanted_more=True)

    def _turn(self, number: int, who: str, reaction: Reaction, stop: AgentStop, changed: list[str]) -> Turn:
        calls, usage = self.count_usage() if self.count_usage else (None, Usage())
        first = {} if stop.first_output_ms is None else {"latency_first_output_ms": stop.first_output_ms}
        steps: tuple[Step, ...] = (*stop.tools, *([Words(stop.text[-_TEXT_CHARS:])] if stop.text else []))
        return Turn(
            number,
            _describe(reaction),
            steps,
            order_is_known=not (stop.tools and stop.text),
            latencies={**first, "latency_turn_done_ms": stop.elapsed_ms},
            measures={} if calls is None else {"model_calls": float(calls)},
            labels={
                "reactor_id": who,
                "user_action": str(reaction.action),
                "turn_end_signal": stop.signal,
                "stop": str(stop.kind),
                "files_changed": ", ".join(changed),
            },
            usage=usage,
            status=str(stop.kind),
        )


def _entry(who: str, reaction: Reaction, stop: AgentStop, changed: list[str], late: list[str]) -> dict[str, Json]:
    signals: Mapping[str, Json] = {name: round(at_ms, 1) for name, at_ms in stop.signals.items()}
    return {
        "reactor_id": who,
        "action": str(reaction.action),
        "payload": reaction.payload,
        "stop": str(stop.kind),
        "signal": stop.signal,
        "signals": dict(signals),
        "screen": stop.screen[-_SCREEN_CHARS:],
        "changed": list(changed),
        "late": list(late),
        "exit_code": stop.exit_code,
        "echoed": stop.echoed,
        "detail": stop.detail[-2000:],
    }


def _describe(reaction: Reaction) -> str:
    """Return what the user did, in words."""
    if reaction.action in (UserAction.SAY, UserAction.PASTE):
        return reaction.payload
    return f"[{reaction.action}{f' {reaction.payload}' if reaction.payload else ''}]"
