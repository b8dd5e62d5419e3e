"""When is it the user's turn? Facts about a terminal go in, the moment and the reason come out; no clock, no I/O.

No single sign is right for every program, so all are watched, and the surest that applies decides:

1. a hook of the program, or a message of its protocol, said so;
2. its window title or its progress report says so;
3. it is blocked in reading its terminal, and has read all that was typed;
4. what it shows has not changed for a while, and does not say that it is busy.

All times start anew whenever the user sends something: what was true before says nothing about the answer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

from evalkit.pty.reading import TerminalReader

StopKind = Literal["ready", "approval", "exited", "silent_timeout", "busy_timeout", "flood"]
TurnSignal = Literal["hook", "acp", "title", "progress", "blocked_read", "quiet", "exit", "timeout", "output"]

_RANKED: tuple[TurnSignal, ...] = ("hook", "acp", "title", "progress", "blocked_read", "quiet")
_AMBIENT_MOVES = 8
_STREAM_BYTES_PER_S = 50_000  # agents that repaint all of their screen write a fifth of it
_AMBIENT_TEXTS = 500
_SEEN_LIMIT = 10_000
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class QuietRules:
    """What is known about how one program shows that it is the user's turn.

    Patterns are regular expressions, searched line by line (``^`` and ``$`` are those of a line) in the visible screen
    or in the title.

    Attributes:
        quiet_s: How long nothing may change before the user is thought to be asked.
        busy: On the screen while the program works.
        busy_last_rows: How many of the last rows that are not empty may show it; 0 for all.
        approval: On the screen while the program asks whether it may do something.
        approval_last_rows: As `busy_last_rows`.
        ready: One of these must be on the screen before quiet counts; none given: no such condition.
        busy_title: The title while it works.
        idle_title: The title when it is the user's turn.
        approval_title: The title while it asks whether it may do something.
        uses_progress: Whether it reports progress (OSC 9;4) while it works, and takes it away then.
        uses_blocked_read: Whether it reads its terminal only when it is the user's turn. Then that is believed, and
            quiet counts only where it cannot be told.
        blocked_read_s: How long it must be blocked in reading, and have written nothing; a program of which another
            part goes on writing must be blocked for four times as long. Where it has been blocked since before the
            user sent something, which it then has not read or needs no more of, `quiet_s` counts.
        settle_s: How long the terminal must be quiet after a hook or a title before that counts, at most four times
            this long: what it announces may still be drawn.
        ambient_s: How long some rows must go on moving, at least eight times, and the others must not, before the first
            prompt or while it is the user's turn, to be known as moving by themselves.
        silent_timeout_s: How long the program may write nothing while it is not the user's turn.
        busy_timeout_s: How long it may take until it is.
        output_limit_bytes: How much it may write until it is.

    """

    quiet_s: float = 1.5
    busy: tuple[str, ...] = ()
    busy_last_rows: int = 0
    approval: tuple[str, ...] = ()
    approval_last_rows: int = 0
    ready: tuple[str, ...] = ()
    busy_title: tuple[str, ...] = ()
    idle_title: tuple[str, ...] = ()
    approval_title: tuple[str, ...] = ()
    uses_progress: bool = False
    uses_blocked_read: bool = False
    blocked_read_s: float = 0.15
    settle_s: float = 0.2
    ambient_s: float = 4.0
    silent_timeout_s: float = 60.0
    busy_timeout_s: float = 600.0
    output_limit_bytes: int = 4_000_000


@dataclass(frozen=True)
class SignalSeen:
    """One sign that it is the user's turn: which, what for, and from when on it held."""

    at_s: float
    signal: TurnSignal
    kind: StopKind


@dataclass(frozen=True)
class TurnDecision:
    """It is the user's turn, or it never will be.

    Attributes:
        kind: What the program waits for, or how it failed to.
        signal: Why that is believed.
        at_s: When it was decided.
        signals: From when on each sign held that held then. Those of ``hook`` to ``quiet`` that are not there did not
            agree, or had not yet.

    """

    kind: StopKind
    signal: TurnSignal
    at_s: float
    signals: Mapping[TurnSignal, float] = field(default_factory=dict)


@dataclass
class _TurnFacts:
    """What was told since the user last sent something."""

    sent_s: float
    last_change_s: float
    last_busy_s: float = float("-inf")
    last_output_s: float | None = None
    received_bytes: int = 0
    outputs: deque[tuple[float, int]] = field(default_factory=deque)
    reader: TerminalReader | tuple[()] | None = None
    blocked_since_s: float = 0.0
    reader_before: TerminalReader | tuple[()] | None = None
    hook: SignalSeen | None = None
    exited_s: float | None = None
    decision: TurnDecision | None = None
    users_turn: bool = False
    flooded: bool = False
    held: dict[TurnSignal, SignalSeen] = field(default_factory=dict)


class TurnWatch:
    """Watches one session from its start, turn by turn.

    Times are seconds on whatever clock the caller uses; they must not go back. Tell every fact as it happens, ask
    :meth:`decide` often, and say :meth:`sent` whenever the user has sent something.
    """

    def __init__(self, rules: QuietRules, *, started_s: float) -> None:
        self._rules = rules
        self._busy, self._approval, self._ready = map(_compile, (rules.busy, rules.approval, rules.ready))
        self._busy_title, self._idle_title, self._approval_title = map(
            _compile, (rules.busy_title, rules.idle_title, rules.approval_title)
        )
        self._rows: list[str] = []
        self._text = ""
        self._moves: dict[int, deque[tuple[float, str]]] = {}
        self._first_moves: dict[int, float] = {}
        self._ambient_rows: set[int] = set()
        self._ambient_texts: set[str] = set()
        self._first_turn = True
        self._title: tuple[float, str] = (started_s, "")
        self._progress: tuple[float, str] | None = None
        self._reader_before: TerminalReader | tuple[()] | None = None
        self.seen: list[SignalSeen] = []
        self._turn = _TurnFacts(started_s, last_change_s=started_s)

    @property
    def ambient_rows(self) -> frozenset[int]:
        """The rows (from 0) that are known to move by themselves, so that they do not count as a change."""
        return frozenset(self._ambient_rows)

    def sent(self, at_s: float) -> None:
        """Tell that the user sent something: it is the program's turn, and all times start anew."""
        self._first_turn = False
        self._turn = _TurnFacts(at_s, last_change_s=at_s, reader_before=self._reader_before)
        self._reader_before = None
        self._forget_moves()

    def output(self, at_s: float, count_bytes: int) -> None:
        """Tell that the program wrote so many bytes. Those from before the user last sent something do not count."""
        if at_s < self._turn.sent_s:
            return
        self._turn.last_output_s = at_s
        self._turn.received_bytes += count_bytes
        self._turn.outputs.append((at_s, count_bytes))

    def screen(self, at_s: float, text: str) -> None:
        """Tell what is visible now; to be told after every output, or a few times a second while output comes."""
        rows = text.split("\n") if text else []
        pairs = zip_longest(rows, self._rows, fillvalue="")
        changed = [row for row, (new, old) in enumerate(pairs) if new != old]
        if self._first_turn or self._turn.users_turn:
            self._note_moves(at_s, changed, rows)
        if any(not self._is_ambient(row, rows) for row in changed):
            self._turn.last_change_s = at_s
        self._rows, self._text = rows, text
        if changed and self._turn.decision is not None and self._turn.users_turn and not self._streams(at_s):
            self._learn(at_s, self._turn.decision.at_s)

    def title(self, at_s: float, title: str) -> None:
        """Tell that the program set the title of its window."""
        self._title = (at_s, title)

    def progress(self, at_s: float, value: str) -> None:
        """Tell that the program reported progress: ``STATE`` or ``STATE:PERCENT``, as in ScreenEvent."""
        self._progress = (at_s, value)

    def reader_before(self, reader: TerminalReader | tuple[()] | None) -> None:
        """Tell who is blocked in reading just before the user sends something; told again, the last counts.

        What is typed reaches a program a moment later: until then it still waits as if nothing had been said.
        """
        self._reader_before = reader

    def blocked_read(self, at_s: float, reader: TerminalReader | tuple[()] | None, pending_input: int = 0) -> None:
        """Tell who is blocked in reading the terminal, as :func:`evalkit.pty.reading.find_reader` does.

        What was written before that must have been told already. `pending_input` is how many bytes were typed that the
        program has not read yet.
        """
        blocked = () if reader and pending_input else reader
        if blocked != self._turn.reader:
            self._turn.reader, self._turn.blocked_since_s = blocked, at_s

    def hook(
        self, at_s: float, kind: Literal["ready", "approval"] = "ready", signal: Literal["hook", "acp"] = "hook"
    ) -> None:
        """Tell that the program itself said that it is the user's turn, unless that was before the last send."""
        if at_s < self._turn.sent_s:
            return
        self._turn.hook = SignalSeen(at_s, signal, kind)

    def exited(self, at_s: float) -> None:
        """Tell that the program has ended, or has closed its terminal."""
        self._turn.exited_s = at_s

    def flooded(self) -> None:
        """Tell that the program wrote so much that it is not read any more."""
        self._turn.flooded = True

    def decide(self, at_s: float) -> TurnDecision | None:
        """Return the stop if it is one at this time, else None. A stop stays one until something is sent."""
        if self._turn.decision is None:
            decision = self._turn.decision = self._find_stop(at_s)
            if decision is not None and decision.kind in {"ready", "approval"}:
                self._turn.users_turn = True
                self._forget_moves()
        return self._turn.decision

    def _find_stop(self, at_s: float) -> TurnDecision | None:
        if self._turn.flooded or self._turn.received_bytes > self._rules.output_limit_bytes:
            return self._stop("flood", "output", at_s)
        if self._turn.exited_s is not None:
            return self._stop("exited", "exit", at_s)
        self._note_signals(at_s)
        for signal in _RANKED:
            seen = self._turn.held.get(signal)
            if seen is not None and (
                signal not in {"hook", "acp", "title", "progress"} or self._is_settled(seen, at_s)
            ):
                return self._stop(seen.kind, signal, at_s)
        if at_s - (self._turn.last_output_s or self._turn.sent_s) >= self._rules.silent_timeout_s:
            return self._stop("silent_timeout", "timeout", at_s)
        if at_s - self._turn.sent_s >= self._rules.busy_timeout_s:
            return self._stop("busy_timeout", "timeout", at_s)
        return None

    def _stop(self, kind: StopKind, signal: TurnSignal, at_s: float) -> TurnDecision:
        return TurnDecision(kind, signal, at_s, {name: seen.at_s for name, seen in self._turn.held.items()})

    def _is_settled(self, seen: SignalSeen, at_s: float) -> bool:
        quiet_since_s = max(seen.at_s, self._turn.last_output_s or seen.at_s)
        return at_s - quiet_since_s >= self._rules.settle_s or at_s - seen.at_s >= 4 * self._rules.settle_s

    def _note_signals(self, at_s: float) -> None:
        now = {seen.signal: seen for seen in self._find_signals(at_s)}
        for signal, seen in now.items():
            held = self._turn.held.get(signal)
            if held is None or held.kind != seen.kind:
                self._turn.held[signal] = seen
                if len(self.seen) < _SEEN_LIMIT:
                    self.seen.append(seen)
        for signal in self._turn.held.keys() - now.keys():
            del self._turn.held[signal]

    def _find_signals(self, at_s: float) -> Iterable[SignalSeen]:
        """Yield every sign that holds now."""
        if self._turn.hook is not None:
            yield self._turn.hook
        if (seen := self._read_title()) is not None:
            yield seen
        kind = self._kind_on_screen()
        if (
            self._rules.uses_progress
            and self._progress is not None
            and self._progress[0] > self._turn.sent_s
            and self._progress[1].partition(":")[0] == "0"
        ):
            yield SignalSeen(self._progress[0], "progress", kind)
        if self._rules.uses_blocked_read and self._turn.reader:
            since_s = self._find_blocked()
            if at_s >= since_s:
                yield SignalSeen(since_s, "blocked_read", kind)
        if (since := self._find_quiet(at_s, kind)) is not None:
            yield SignalSeen(since, "quiet", kind)

    def _find_blocked(self) -> float:
        """Return from when on the wait of who reads now means that it is the user's turn."""
        turn, rules = self._turn, self._rules
        since_s = turn.blocked_since_s
        if turn.reader == turn.reader_before:
            return since_s + rules.quiet_s
        quiet_since_s = max(since_s, turn.last_output_s or since_s)
        return min(quiet_since_s + rules.blocked_read_s, since_s + 4 * rules.blocked_read_s)

    def _read_title(self) -> SignalSeen | None:
        set_s, title = self._title
        if set_s <= self._turn.sent_s or (self._first_turn and not self._is_ready()):
            return None
        if self._approval_title and self._approval_title.search(title):
            return SignalSeen(set_s, "title", "approval")
        if self._idle_title and self._idle_title.search(title) and not self._is_busy_title():
            return SignalSeen(set_s, "title", self._kind_on_screen())
        return None

    def _is_busy_title(self) -> bool:
        return bool(self._busy_title and self._busy_title.search(self._title[1]))

    def _is_busy_progress(self) -> bool:
        if not self._rules.uses_progress or self._progress is None:
            return False
        return self._progress[1].partition(":")[0] in {"1", "3"}

    def _kind_on_screen(self) -> Literal["ready", "approval"]:
        return "approval" if self._shows(self._approval, self._rules.approval_last_rows) else "ready"

    def _shows(self, pattern: re.Pattern[str] | None, last_rows: int) -> bool:
        if pattern is None:
            return False
        if not last_rows:
            return pattern.search(self._text) is not None
        rows = [row for row in self._rows if row.strip()]
        return pattern.search("\n".join(rows[-last_rows:])) is not None

    def _find_quiet(self, at_s: float, kind: StopKind) -> float | None:
        """Return from when on the screen has been quiet for long enough, None where it has not.

        A program that goes on writing what changes no text, such as colours that blink, must show the same for twice
        as long, unless it is known to do so. Where it streams, only silence counts: thousands of equal lines look the
        same.
        """
        if self._turn.last_output_s is None or not self._rows:
            return None
        if self._rules.uses_blocked_read and self._turn.reader is not None:
            return None
        if kind != "approval" and not self._may_be_quiet():
            self._turn.last_busy_s = at_s
            return None
        streams = self._streams(at_s)
        if self._first_turn and not streams:
            self._learn(at_s, self._turn.sent_s)
        idle_since_s = max(self._turn.sent_s, self._turn.last_busy_s)
        silent_since_s = max(idle_since_s, self._turn.last_output_s) + self._rules.quiet_s
        times = 1 if self._ambient_rows else 2
        same_since_s = max(idle_since_s, self._turn.last_change_s) + times * self._rules.quiet_s
        since_s = silent_since_s if streams else min(silent_since_s, same_since_s)
        return since_s if at_s >= since_s else None

    def _streams(self, at_s: float) -> bool:
        """Return whether the program lately wrote more than any that only repaints its screen."""
        outputs = self._turn.outputs
        while outputs and outputs[0][0] <= at_s - self._rules.ambient_s:
            outputs.popleft()
        return sum(count for _, count in outputs) > _STREAM_BYTES_PER_S * self._rules.ambient_s

    def _may_be_quiet(self) -> bool:
        if self._shows(self._busy, self._rules.busy_last_rows) or self._is_busy_title() or self._is_busy_progress():
            return False
        return self._is_ready()

    def _is_ready(self) -> bool:
        return bool(self._rows) and (self._ready is None or self._shows(self._ready, 0))

    def _learn(self, at_s: float, began_s: float) -> None:
        """Take rows as ambient that moved often, for long enough, beside others that did not, while nothing was asked.

        The same rows must have moved all the time: of an answer that is written one row after the other moves. Before
        the first prompt they must also have moved often all the time.
        """
        since_s = at_s - self._rules.ambient_s
        moving = {row for row, moves in self._moves.items() if moves[-1][0] > since_s}
        still = {row for row, text in enumerate(self._rows) if text.strip()} - moving
        if not moving or not still or since_s < began_s:
            return
        first_s = since_s if self._first_turn else began_s
        slack_s = self._rules.ambient_s / 4
        if all(
            len(moves) == _AMBIENT_MOVES
            and moves[0][0] > first_s
            and moves[-1][0] > at_s - slack_s
            and self._first_moves[row] < since_s + slack_s
            for row, moves in self._moves.items()
            if row in moving
        ):
            self._ambient_rows |= moving
            self._turn.last_change_s = min(self._turn.last_change_s, since_s)
            for row in moving:
                self._ambient_texts.update(_DIGITS.sub("0", text) for _, text in self._moves[row])

    def _forget_moves(self) -> None:
        self._moves.clear()
        self._first_moves.clear()

    def _note_moves(self, at_s: float, changed: list[int], rows: list[str]) -> None:
        """Remember which rows moved although nothing was sent."""
        for row in changed:
            text = _at(rows, row)
            moves = self._moves.get(row)
            if moves is None:
                self._first_moves[row] = at_s
                moves = self._moves[row] = deque(maxlen=_AMBIENT_MOVES)
            moves.append((at_s, text))
            if row in self._ambient_rows and len(self._ambient_texts) < _AMBIENT_TEXTS:
                self._ambient_texts.add(_DIGITS.sub("0", text))

    def _is_ambient(self, row: int, rows: list[str]) -> bool:
        if row in self._ambient_rows:
            return True
        texts = {_DIGITS.sub("0", _at(shown, row)) for shown in (self._rows, rows)} - {""}
        return bool(texts) and texts <= self._ambient_texts


def _at(rows: list[str], row: int) -> str:
    return rows[row] if row < len(rows) else ""


def _compile(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(joined, re.MULTILINE) if joined else None
