"""An agent at a real terminal: what a person sees, types and presses; when it is his turn is read from many signs."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable

from evalkit.modes.terminal.case import INTERRUPT, Reaction, Transport, UserAction
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import AgentLink, AgentStop, StopKind, cannot
from evalkit.modes.terminal.session_files import AGENT_MARK, USER_MARK
from evalkit.pty.keys import KEY_NAMES
from evalkit.pty.quiescence import QuietRules, TurnDecision, TurnWatch
from evalkit.pty.recording import TerminalRecording
from evalkit.pty.screen import Mark
from evalkit.pty.terminal import Terminal
from evalkit.pty.waiting import TurnWaiter
from evalkit.sandbox.collecting import read_regular
from evalkit.sandbox.session import BoxSession, Streams, own_terminal

_ECHO_S = 1.0
_SLOW_ECHO_S = 5.0  # some programs draw long before they read: Enter would come before the words
_BETWEEN_KEYS_S = 0.1  # a person's fingers; programs take an escape and a letter at once for one key, or for a paste
_SETTLE_S = 0.2
_ECHOED_CHARS = 20
_BEGINNING = 10
_MARKED_CHARS = 200
_HOOK_BYTES = 1_000_000
_LAST_WORDS_S = 0.2
_NO_ANSWER = 2.0  # times quiet_s, after a key that changes nothing
_CHOSEN = re.compile(r"^[\s│|┃]*[❯›➜●▸>]\s")  # noqa: RUF001 - the marks of menus
_MARKED = re.compile(r"^[\s│|┃❯›➜●▸>]*")  # noqa: RUF001


class ScreenLink(AgentLink):
    """One process at one terminal; ``resume`` starts another at a new one, in the same recording."""

    def __init__(
        self,
        launcher: Launcher,
        *,
        columns: int,
        rows: int,
        start_timeout_s: float,
        silent_timeout_s: float,
        turn_timeout_s: float,
        output_limit_bytes: int,
    ) -> None:
        self._launcher = launcher
        self._size = (columns, rows)
        self._start_timeout_s, self._silent_timeout_s = start_timeout_s, silent_timeout_s
        self._turn_timeout_s, self._limit = turn_timeout_s, output_limit_bytes
        self._recording = TerminalRecording(columns, rows, started_unix_s=time.time())
        self._began_s = time.monotonic()
        self._terminal: Terminal | None = None
        self._session: BoxSession | None = None
        self._watch: TurnWatch | None = None
        self._waiter: TurnWaiter | None = None
        self._echoed: bool | None = None
        self._typed = ""
        self._is_used = self._is_mute = False
        self._hooks_told = 0
        self._prompt: str | None = None

    async def start(self) -> AgentStop:
        """Start the agent and wait until it takes a prompt."""
        return await self._open(self._launcher.agent.settings.pty_args)

    async def act(self, reaction: Reaction) -> AgentStop:
        """Do what the user does, and wait."""
        self._mark(f"{USER_MARK}{reaction.action} {reaction.payload[:_MARKED_CHARS]}".rstrip())
        return await self._do(reaction)

    async def _do(self, reaction: Reaction) -> AgentStop:
        action, payload = reaction.action, reaction.payload
        self._echoed, self._typed = None, ""
        if action is UserAction.RESUME:
            return await self._resume(payload)
        if action is UserAction.WAIT:
            return await self._let_pass(float(payload))
        settings = self._launcher.agent.settings
        terminal = self._at()
        began, mark = time.monotonic(), terminal.mark()
        if action in (UserAction.SAY, UserAction.PASTE):
            mark = await self._type(payload, terminal.send_text if action is UserAction.PASTE else terminal.type_text)
            began = terminal.last_input_s or time.monotonic()
        elif action is UserAction.APPROVE:
            await self._press(settings.approve_keys)
        elif action is UserAction.DENY:
            await self._press(settings.deny_keys)
        elif action is UserAction.PRESS:
            await self._press([settings.interrupt_key if key == INTERRUPT else key for key in payload.split()])
        elif action is UserAction.CHOOSE:
            await self._choose(payload)
        elif action is UserAction.RESIZE:
            columns, _, rows = payload.partition("x")
            self._note_hooks()
            terminal.resize(int(columns), int(rows))
        else:
            raise cannot(Transport.PTY, reaction)
        answered = action not in (UserAction.PRESS, UserAction.RESIZE)
        return await self._wait(mark, began, self._turn_timeout_s, must_answer=answered)

    async def close(self) -> None:
        """End the process and the terminal."""
        if self._session is not None:
            await self._session.end()
            self._session = None
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    def recording(self) -> bytes:
        """Return what was seen, as asciicast v2."""
        return self._recording.to_bytes()

    def count_invalid(self) -> int:
        """Return how many sequences of the output were no UTF-8."""
        return sum(event.data.count("\ufffd") for event in self._recording.events if event.kind == "o")

    def _mark(self, label: str) -> None:
        self._recording.marker(time.monotonic() - self._began_s, label)

    def _at(self) -> Terminal:
        assert self._terminal is not None  # noqa: S101 - it was started
        return self._terminal

    async def _open(self, args: tuple[str, ...]) -> AgentStop:
        settings = self._launcher.agent.settings
        self._terminal = terminal = Terminal.open(
            *self._size, recording=self._recording, output_limit_bytes=self._limit
        )
        self._is_used = False
        terminal.opened_s = self._began_s  # a second terminal goes on in the same recording
        own_terminal(terminal.child_fd)
        child = terminal.child_fd
        self._session = session = self._launcher.launch(args, Streams(child, child, child, is_terminal=True))
        terminal.close_child()
        began = time.monotonic()
        rules = QuietRules(
            quiet_s=settings.quiet_s,
            busy=settings.busy,
            approval=settings.approval,
            ready=(settings.ready,) if settings.ready else (),
            busy_title=settings.busy_title,
            idle_title=settings.idle_title,
            approval_title=settings.approval_title,
            uses_progress=settings.uses_progress,
            uses_blocked_read=settings.blocked_read,
            silent_timeout_s=self._silent_timeout_s,
            busy_timeout_s=max(self._start_timeout_s, self._turn_timeout_s),
            output_limit_bytes=self._limit,
        )
        self._watch = TurnWatch(rules, started_s=began)
        self._waiter = TurnWaiter(
            terminal,
            self._watch,
            root_pid=session.root_pid if settings.blocked_read else None,
            has_exited=lambda: session.exit_code is not None or session.overuse is not None,
            look=self._look_at_hooks if settings.hook_file else None,
        )
        return await self._wait(terminal.mark(), began, self._start_timeout_s, was_sent=False)

    async def _resume(self, text: str) -> AgentStop:
        """End the process, take the session up again in another, and say what there is to say."""
        await self.close()
        args = self._launcher.agent.settings.pty_resume_args
        if not args:
            raise cannot(Transport.PTY, Reaction(UserAction.RESUME, text))
        stop = await self._open(args)
        if stop.kind is not StopKind.READY or not text.strip():
            return stop
        return await self._do(Reaction(UserAction.SAY, text))

    async def _type(self, text: str, enter_text: Callable[[str], bool]) -> Mark:
        """Type a prompt, look whether it is shown, and send it; what a key lost is typed again, as people do."""
        settings, terminal = self._launcher.agent.settings, self._at()
        if settings.clear_keys and self._is_used:
            await self._press(settings.clear_keys)
            await asyncio.sleep(_BETWEEN_KEYS_S)
        enter_text(text)
        if "\n" not in text and not await self._shows(text):
            terminal.press("ctrl-u")
            await asyncio.sleep(_BETWEEN_KEYS_S)
            enter_text(text)
            self._echoed = False
            self._is_mute = not await self._shows(text, _ECHO_S if self._is_mute else _SLOW_ECHO_S)
        await self._settle()
        mark, self._typed, self._is_used = terminal.mark(), "" if terminal.edits_lines else text, True
        await self._press([settings.submit_key])
        return mark

    async def _shows(self, text: str, timeout_s: float = _ECHO_S) -> bool:
        """Wait until what was typed is on the screen; return whether it is. The screen may break it anywhere."""
        wanted = [_squeezed(part) for part in (text[:_ECHOED_CHARS], text[-_ECHOED_CHARS:])]
        until = time.monotonic() + timeout_s
        while True:
            shown = _squeezed(self._at().screen.text())
            if all(part in shown for part in wanted):
                self._echoed = self._echoed is not False and self._stands_alone(text)
                return True
            left = until - time.monotonic()
            if left <= 0 or self._at().eof:
                return False
            await self._at().changed(min(left, 0.1))

    def _stands_alone(self, text: str) -> bool:
        """Whether nothing stands before what was typed but what stood there the first time: the prompt."""
        start = text[:_ECHOED_CHARS].split("\n", maxsplit=1)[0]
        rows = [row for row in self._at().screen.text().splitlines() if start[:_BEGINNING] in row]
        if not rows:
            return True
        before = rows[-1].partition(start[:_BEGINNING])[0].strip()
        self._prompt = before if self._prompt is None else self._prompt
        return before == self._prompt

    async def _settle(self) -> None:
        """Wait until what was typed is drawn: some programs take an Enter right behind a paste for a part of it."""
        terminal, typed_s = self._at(), time.monotonic()
        while not terminal.eof:
            now = time.monotonic()
            quiet_s = now - max(typed_s, terminal.last_output_s or typed_s)
            if quiet_s >= _SETTLE_S or now - typed_s >= _ECHO_S:
                return
            await terminal.changed(_SETTLE_S - quiet_s)

    async def _press(self, keys: list[str] | tuple[str, ...]) -> None:
        """Press keys as a person does. What they find is noted before: an agent may answer at once."""
        assert self._waiter is not None  # noqa: S101 - it was started
        terminal = self._at()
        self._note_hooks()
        for number, key in enumerate(keys):
            if number:
                await asyncio.sleep(_BETWEEN_KEYS_S)
            self._waiter.before_input()
            if key in KEY_NAMES or len(key) == 1:
                terminal.press(key)
            else:
                terminal.write(key.encode())

    def _note_hooks(self) -> None:
        self._hooks_told = len(self._read_hooks())

    async def _choose(self, wanted: str) -> None:
        """Move the mark of a menu to the row that holds what is wanted, and take it; without a menu, type it."""
        rows = self._at().screen.text().splitlines()
        marked = [number for number, row in enumerate(rows) if _CHOSEN.match(row)]
        named = [number for number, row in enumerate(rows) if _fitness(row, wanted)]
        if marked and named:
            at = marked[-1]
            target = min(named, key=lambda number: (-_fitness(rows[number], wanted), abs(number - at)))
            steps = len([row for row in rows[min(at, target) : max(at, target)] if row.strip()])
            await self._press(["down" if target > at else "up"] * steps)
            await asyncio.sleep(_BETWEEN_KEYS_S)
        else:
            self._at().write(wanted.encode())
        await self._press(["enter"])

    async def _let_pass(self, seconds: float) -> AgentStop:
        """Let time pass, and tell what is there then."""
        mark, began = self._at().mark(), time.monotonic()
        await asyncio.sleep(seconds)
        session = self._session
        ended = session is not None and session.exit_code is not None
        if not ended and self._asks():
            return self._stop(StopKind.APPROVAL, "wait", {}, mark, began)
        return self._stop(StopKind.EXITED if ended else StopKind.READY, "exit" if ended else "wait", {}, mark, began)

    def _asks(self) -> bool:
        """Whether what is seen now is a question for approval."""
        settings, screen = self._launcher.agent.settings, self._at().screen
        shown = screen.text()
        return any(re.search(pattern, shown, re.MULTILINE) for pattern in settings.approval) or any(
            re.search(pattern, screen.title) for pattern in settings.approval_title
        )

    async def _wait(
        self, mark: Mark, began: float, timeout_s: float, *, must_answer: bool = True, was_sent: bool = True
    ) -> AgentStop:
        assert self._watch is not None  # noqa: S101 - it was started
        assert self._waiter is not None  # noqa: S101
        if was_sent:
            self._watch.sent(began)
        loop_left = self._until_s - asyncio.get_running_loop().time()
        deadline = began + min(timeout_s, loop_left)
        waiting = asyncio.ensure_future(self._waiter.wait_for_turn())
        try:
            while not waiting.done():
                now = time.monotonic()
                points = [deadline]
                if self.working_after_s is not None:
                    points.append(began + self.working_after_s)
                quiet_s = self._launcher.agent.settings.quiet_s
                if not must_answer and self._at().bytes_since_input == 0:
                    points.append(began + _NO_ANSWER * quiet_s)
                point = min(points)
                if now >= point:
                    return self._give_up(point, deadline, mark, began)
                await asyncio.wait({waiting}, timeout=point - now)
            return await self._tell(waiting.result(), mark, began)
        finally:
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting

    def _look_at_hooks(self) -> None:
        """Tell the watch what the agent's own hooks have said since the user last did something."""
        told = self._read_hooks()
        if self._watch is not None and len(told) > self._hooks_told:
            self._watch.hook(time.monotonic(), "approval" if told[-1] == b"approval" else "ready")

    def _read_hooks(self) -> list[bytes]:
        settings = self._launcher.agent.settings
        if not settings.hook_file:
            return []
        return (read_regular(self._launcher.home, settings.hook_file, _HOOK_BYTES) or b"").split()

    def _give_up(self, point: float, deadline: float, mark: Mark, began: float) -> AgentStop:
        if point == deadline:
            return self._stop(StopKind.BUSY_TIMEOUT, "timeout", {}, mark, began)
        if self.working_after_s is not None and point == began + self.working_after_s:
            return self._stop(StopKind.WORKING, "time", {}, mark, began)
        return self._stop(StopKind.READY, "quiet", {}, mark, began)

    async def _tell(self, decision: TurnDecision, mark: Mark, began: float) -> AgentStop:
        session = self._session
        assert session is not None  # noqa: S101 - it was started
        kind = StopKind(decision.kind)
        if kind is StopKind.EXITED:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await session.wait()
            if session.overuse is not None:
                kind = StopKind.OVERUSE
        signals = {str(name): (at_s - began) * 1000 for name, at_s in decision.signals.items()}
        return self._stop(kind, str(decision.signal), signals, mark, began)

    def _stop(self, kind: StopKind, signal: str, signals: dict[str, float], mark: Mark, began: float) -> AgentStop:
        terminal, session = self._at(), self._session
        now = time.monotonic()
        self._mark(f"{AGENT_MARK}{kind} ({signal})")
        first = terminal.first_output_after(began)
        return AgentStop(
            kind,
            signal,
            signals or {signal: (now - began) * 1000},
            text=without_echo(terminal.text_since(mark), self._typed),
            screen=terminal.screen.text(),
            first_output_ms=None if first is None else (first - began) * 1000,
            elapsed_ms=(now - began) * 1000,
            exit_code=session.exit_code if session else None,
            overuse=session.overuse if session else None,
            echoed=self._echoed,
            detail="" if not terminal.replies_withheld else f"{terminal.replies_withheld} queries were not answered",
        )


def without_echo(text: str, typed: str) -> str:
    """Return what was drawn without the user's own words, which programs draw again when they take them.

    Lines of the screen may break them anywhere; where they stand changed, or behind other words, nothing is taken out:
    then the agent says them.
    """
    wanted = _squeezed(typed)
    places = [at for at, sign in enumerate(text) if not sign.isspace()]
    drawn = "".join(text[place] for place in places)
    at = drawn.find(wanted) if wanted else -1
    while at >= 0:
        line = text[text.rfind("\n", 0, places[at]) + 1 : places[at]]
        if not any(sign.isalnum() for sign in line):
            return text[: places[at]] + text[places[at + len(wanted) - 1] + 1 :]
        at = drawn.find(wanted, at + 1)
    return text


def _fitness(row: str, wanted: str) -> int:
    """Return how well a row of a menu fits what is wanted: by its whole text, its number, its beginning, or at all."""
    option, wanted = _MARKED.sub("", row).rstrip(" │|┃").casefold(), wanted.casefold()
    number, _, text = option.partition(". ")
    fits = ((wanted in (option, text), 4), (wanted == number, 3), (text.startswith(wanted), 2), (wanted in option, 1))
    return next((points for does, points in fits if does), 0)


def _squeezed(text: str) -> str:
    return "".join(text.split())
