"""An agent without a terminal: a process for each turn, its words on the command line, its answer on stdout."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evalkit.modes.terminal.case import Reaction, Transport, UserAction
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import AgentLink, AgentStop, StopKind, cannot
from evalkit.modes.terminal.streams import OutputReader, open_nothing
from evalkit.records.record import ToolCall
from evalkit.sandbox.session import BoxSession, Streams

_SHOWN_BYTES = 4000


class HeadlessLink(AgentLink):
    """Starts the agent once for each thing that the user says; a later process resumes the session."""

    starts_each_turn = True

    def __init__(self, launcher: Launcher, *, turn_timeout_s: float, output_limit_bytes: int) -> None:
        self._launcher, self._timeout_s, self._limit = launcher, turn_timeout_s, output_limit_bytes
        self._loop = asyncio.get_running_loop()
        self._session: BoxSession | None = None
        self._turns = 0

    async def start(self) -> AgentStop:
        """Nothing runs before the user has said something."""
        return AgentStop(StopKind.READY, "exit")

    async def act(self, reaction: Reaction) -> AgentStop:
        """Say it in a process of its own, and wait for its end."""
        if reaction.action is UserAction.WAIT:
            await asyncio.sleep(float(reaction.payload))
            return AgentStop(StopKind.READY, "wait", elapsed_ms=float(reaction.payload) * 1000)
        if reaction.action not in (UserAction.SAY, UserAction.PASTE, UserAction.RESUME):
            raise cannot(Transport.HEADLESS, reaction)
        if not reaction.payload.strip():  # every turn resumes; here nothing is said
            return AgentStop(StopKind.READY, "exit")
        settings = self._launcher.agent.settings
        args = settings.headless_args if self._turns == 0 else settings.headless_resume_args
        if not args:
            raise cannot(Transport.HEADLESS, reaction)
        self._turns += 1
        return await self._run(args, reaction.payload)

    async def close(self) -> None:
        """End what still runs."""
        if self._session is not None:
            await self._session.end()

    async def _run(self, args: tuple[str, ...], prompt: str) -> AgentStop:
        moved = asyncio.Event()
        out, err = OutputReader(self._limit, moved.set), OutputReader(self._limit, moved.set)
        nothing, began = open_nothing(), self._loop.time()
        try:
            self._session = self._launcher.launch(args, Streams(nothing, out.their_end, err.their_end), prompt=prompt)
            out.release()
            err.release()
            kind = await self._wait(self._session, out, err, moved)
            elapsed_ms = (self._loop.time() - began) * 1000
            await self._session.end()
            await asyncio.sleep(0)  # what lies in the pipes is read
            return self._tell(kind, self._session, out, err, began, elapsed_ms)
        finally:
            os.close(nothing)
            out.close()
            err.close()

    async def _wait(self, session: BoxSession, out: OutputReader, err: OutputReader, moved: asyncio.Event) -> StopKind:
        until = min(self._loop.time() + self._timeout_s, self._until_s)
        ended = asyncio.ensure_future(session.wait())
        try:
            while not ended.done():
                moved.clear()
                if out.is_flood or err.is_flood:
                    return StopKind.FLOOD
                left = until - self._loop.time()
                if left <= 0:
                    return StopKind.BUSY_TIMEOUT
                waiting = asyncio.ensure_future(moved.wait())
                await asyncio.wait({ended, waiting}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        finally:
            ended.cancel()
        if session.overuse is not None:
            return StopKind.OVERUSE
        return StopKind.READY if session.exit_code == 0 else StopKind.EXITED

    def _tell(
        self, kind: StopKind, session: BoxSession, out: OutputReader, err: OutputReader, began: float, elapsed_ms: float
    ) -> AgentStop:
        written = bytes(out.data).decode("utf-8", "replace")
        self._invalid += written.count("\ufffd")
        told = bytes(err.data).decode("utf-8", "replace")[-_SHOWN_BYTES:]
        settings = self._launcher.agent.settings
        documents = read_documents(written, settings.headless_output)
        text = written if settings.headless_output == "text" else find_reply(documents, settings.headless_reply)
        if settings.session_id == "agent":
            named = [str(document["session_id"]) for document in documents if document.get("session_id")]
            self._launcher.session_id = named[-1] if named else self._launcher.session_id
        firsts = [first for first in (out.first_s, err.first_s) if first is not None]
        signal = "exit" if kind in (StopKind.READY, StopKind.EXITED) else "timeout"
        return AgentStop(
            kind,
            signal,
            {signal: elapsed_ms},
            text=written if text is None else text,
            screen=written,
            first_output_ms=(min(firsts) - began) * 1000 if firsts else None,
            elapsed_ms=elapsed_ms,
            exit_code=session.exit_code,
            overuse=session.overuse,
            tools=find_tools(documents),
            detail=told,
        )


def read_documents(written: str, form: str) -> list[Mapping[str, Any]]:
    """Return the JSON objects in what an agent wrote: the whole, or one a line; what cannot be read is left out."""
    if form == "text":
        return []
    found = []
    whole = _read_object(written)
    for piece in [written] if whole is not None else written.splitlines():
        document = _read_object(piece)
        if document is not None:
            found.append(document)
    return found


def find_reply(documents: list[Mapping[str, Any]], place: str) -> str | None:
    """Return the text at `place`, keys joined by dots, in the last object that has it; None: none has."""
    for document in reversed(documents):
        node: Any = document
        for key in place.split("."):
            node = node.get(key) if isinstance(node, Mapping) else None
        if isinstance(node, str):
            return node
    return None


def find_tools(documents: list[Mapping[str, Any]]) -> tuple[ToolCall, ...]:
    """Return the calls of tools that objects tell of: those listed under ``tools``, and those that say what they are.

    Agents write the latter wherever they like in their events, as objects whose ``type`` is one of a few words; one
    that is told of again, under the same id, is one call.
    """
    found: dict[str, ToolCall] = {}
    for document in documents:
        for tool in (*_list_of_objects(document.get("tools")), *_find_calls(document)):
            name = next((str(tool[key]) for key in _NAMES if isinstance(tool.get(key), str)), str(tool.get("type", "")))
            call_id = next((str(tool[key]) for key in _IDS if key in tool), str(len(found) + 1))
            if name:
                found[call_id] = ToolCall(name, dict(tool), json.dumps(tool, ensure_ascii=False), call_id)
    return tuple(found.values())


_CALLS = frozenset({"tool_use", "tool_call", "tool", "toolCall", "command_execution", "file_change", "mcp_tool_call"})
_NAMES = ("name", "tool_name", "tool")
_IDS = ("id", "tool_id", "callID")
_DEEPEST = 4


def _find_calls(node: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the innermost objects that say that they are a call."""
    if depth > _DEEPEST:
        return
    within = [call for value in _values(node) for call in _find_calls(value, depth + 1)]
    yield from within
    if not within and isinstance(node, Mapping) and node.get("type") in _CALLS:
        yield node


def _values(node: Any) -> Iterable[Any]:
    if isinstance(node, Mapping):
        return node.values()
    return node if isinstance(node, list) else ()


def _list_of_objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping) and "name" in each] if isinstance(value, list) else []


def _read_object(text: str) -> Mapping[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Mapping) else None
