"""An agent that speaks the Agent Client Protocol: JSON-RPC 2.0, a message on each line of its standard streams.

What was read of the protocol (version 1): ``initialize`` → ``session/new`` or ``session/load`` → ``session/prompt``,
whose answer says why the turn ended; meanwhile ``session/update`` tells what the agent says and does, and
``session/request_permission`` asks the user. The client declares that it has no files and no terminal to offer, so that
the agent itself is the one who writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping
from typing import Any

from evalkit.modes.terminal.case import INTERRUPT, Reaction, Transport, UserAction
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.link import AgentLink, AgentStop, StopKind, cannot
from evalkit.modes.terminal.streams import OutputReader
from evalkit.records.record import ToolCall
from evalkit.sandbox.session import BoxSession, Streams

PROTOCOL_VERSION = 1
_METHOD_NOT_FOUND = -32601
_SHOWN_BYTES = 4000
_PIECE = 65536
_LAST_WORDS_S = 0.5
_APPROVES, _DENIES = ("allow_once", "allow_always"), ("reject_once", "reject_always")


class AcpLink(AgentLink):
    """One process that holds the whole session; ``resume`` starts another that loads it."""

    def __init__(
        self,
        launcher: Launcher,
        *,
        start_timeout_s: float,
        silent_timeout_s: float,
        turn_timeout_s: float,
        output_limit_bytes: int,
    ) -> None:
        self._launcher = launcher
        self._start_timeout_s, self._silent_timeout_s = start_timeout_s, silent_timeout_s
        self._turn_timeout_s, self._limit = turn_timeout_s, output_limit_bytes
        self._loop = asyncio.get_running_loop()
        self._session: BoxSession | None = None
        self._moved = asyncio.Event()
        self._out = self._err = OutputReader(0)
        self._input = -1
        self._next_id = 0
        self._acp_session = ""
        self._answers: dict[int, Mapping[str, Any]] = {}
        self._permissions: list[tuple[Any, Mapping[str, Any]]] = []
        self._texts: list[str] = []
        self._tools: dict[str, dict[str, Any]] = {}
        self._known: dict[str, dict[str, Any]] = {}
        self._problem = ""
        self._prompt_id: int | None = None
        self._outgoing = bytearray()

    async def start(self) -> AgentStop:
        """Start the agent and open a session."""
        self._open()
        began = self._loop.time()
        capabilities = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        told = {"protocolVersion": PROTOCOL_VERSION, "clientCapabilities": capabilities}
        stop = await self._ask("initialize", told, began)
        if stop is not None:
            return stop
        stop = await self._ask("session/new", {"cwd": self._folder, "mcpServers": []}, began)
        self._out.take()
        return stop or AgentStop(StopKind.READY, "acp", elapsed_ms=(self._loop.time() - began) * 1000)

    async def act(self, reaction: Reaction) -> AgentStop:
        """Do what the user does, and wait for the end of the turn or the next question."""
        began = self._loop.time()
        action = reaction.action
        if action in (UserAction.SAY, UserAction.PASTE):
            prompt = [{"type": "text", "text": reaction.payload}]
            self._prompt_id = self._send("session/prompt", {"sessionId": self._acp_session, "prompt": prompt})
        elif action in (UserAction.APPROVE, UserAction.DENY, UserAction.CHOOSE) and self._permissions:
            self._answer_permission(reaction)
        elif action is UserAction.PRESS and reaction.payload in (INTERRUPT, "esc", "ctrl-c"):
            self._notify("session/cancel", {"sessionId": self._acp_session})
            while self._permissions:
                self._reply(self._permissions.pop(0)[0], {"outcome": {"outcome": "cancelled"}})
            if self._prompt_id is None:  # there was nothing to stop
                return self._stop(StopKind.READY, "acp", began)
        elif action is UserAction.WAIT:
            return await self._wait_for(float(reaction.payload), began)
        elif action is UserAction.RESUME:
            return await self._resume(reaction)
        else:
            raise cannot(Transport.ACP, reaction)
        return await self._wait(began)

    async def close(self) -> None:
        """End the process."""
        if self._session is not None:
            await self._session.end()
            self._session = None
        if self._input >= 0:
            self._loop.remove_writer(self._input)
            os.close(self._input)
            self._input = -1
        self._out.close()
        self._err.close()

    @property
    def _folder(self) -> str:
        from evalkit.sandbox.session import WORKSPACE

        return WORKSPACE if self._launcher.sandbox.name != "none" else str(self._launcher.workspace)

    def _open(self) -> None:
        self._out.close()
        self._err.close()
        self._out = OutputReader(self._limit, self._read)
        self._err = OutputReader(self._limit, self._moved.set)
        their_input, self._input = os.pipe()
        os.set_blocking(self._input, False)
        streams = Streams(their_input, self._out.their_end, self._err.their_end)
        try:
            self._session = self._launcher.launch(self._launcher.agent.settings.acp_args, streams)
        finally:
            os.close(their_input)
            self._out.release()
            self._err.release()
        self._unread = bytearray()

    async def _resume(self, reaction: Reaction) -> AgentStop:
        """End the process, load the session in another, and say what there is to say."""
        known = self._acp_session
        await self.close()
        self._answers.clear()
        self._permissions.clear()
        self._open()
        began = self._loop.time()
        capabilities = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        for method, params in (
            ("initialize", {"protocolVersion": PROTOCOL_VERSION, "clientCapabilities": capabilities}),
            ("session/load", {"sessionId": known, "cwd": self._folder, "mcpServers": []}),
        ):
            stop = await self._ask(method, params, began)
            if stop is not None:
                return stop
        self._acp_session = known
        self._texts.clear()  # a loaded session is told again
        self._tools.clear()
        self._out.take()
        self._prompt_id = None
        if not reaction.payload.strip():
            return self._stop(StopKind.READY, "acp", began)
        return await self.act(Reaction(UserAction.SAY, reaction.payload))

    async def _ask(self, method: str, params: Mapping[str, Any], began: float) -> AgentStop | None:
        """Send a request and wait for its answer; return a stop where none comes that is good."""
        number = self._send(method, params)
        until = min(began + self._start_timeout_s, self._until_s)
        while number not in self._answers:
            ended = await self._find_end(began)
            if ended is not None:
                return ended
            left = until - self._loop.time()
            if left <= 0:
                return self._stop(StopKind.SILENT_TIMEOUT, "timeout", began)
            await self._move(left)
        answer = self._answers.pop(number)
        if "error" in answer:
            self._problem = f"{method}: {json.dumps(answer['error'], ensure_ascii=False)[:500]}"
            return self._stop(StopKind.PROTOCOL, "acp", began)
        result = answer.get("result")
        if isinstance(result, Mapping) and isinstance(result.get("sessionId"), str):
            self._acp_session = result["sessionId"]
        return None

    async def _wait(self, began: float) -> AgentStop:
        """Wait until the turn has ended, or the agent asks."""
        until = min(began + self._turn_timeout_s, self._until_s)
        heard = self._loop.time()
        while True:
            if self._prompt_id is not None and self._prompt_id in self._answers:
                return self._end_turn(self._answers.pop(self._prompt_id), began)
            if self._permissions:
                return self._stop(StopKind.APPROVAL, "acp", began)
            ended = await self._find_end(began)
            if ended is not None:
                return ended
            heard = max(heard, self._out.last_s)
            now = self._loop.time()
            if now >= until:
                return self._stop(StopKind.BUSY_TIMEOUT, "timeout", began)
            if now - heard >= self._silent_timeout_s:
                return self._stop(StopKind.SILENT_TIMEOUT, "timeout", began)
            waits = [until - now, self._silent_timeout_s - (now - heard)]
            if self.working_after_s is not None:
                waits.append(began + self.working_after_s - now)
            if min(waits) <= 0:
                return self._stop(StopKind.WORKING, "time", began)
            await self._move(min(waits))

    async def _wait_for(self, seconds: float, began: float) -> AgentStop:
        """Let time pass; a question that comes meanwhile ends the wait."""
        until = self._loop.time() + seconds
        while (left := until - self._loop.time()) > 0:
            ended = await self._find_end(began)
            if ended is not None:
                return ended
            if self._permissions:
                return self._stop(StopKind.APPROVAL, "acp", began)
            await self._move(left)
        return self._stop(StopKind.READY, "wait", began)

    async def _move(self, seconds: float) -> None:
        """Wait until something comes, at the most for so long; the end of the process is looked for in between."""
        self._moved.clear()
        try:
            async with asyncio.timeout(min(seconds, 0.25)):
                await self._moved.wait()
        except TimeoutError:
            return

    def _end_turn(self, answer: Mapping[str, Any], began: float) -> AgentStop:
        self._prompt_id = None
        if "error" in answer:
            error = answer["error"]
            said = error.get("message") if isinstance(error, Mapping) else error
            self._texts.append(f"error: {said}")
            self._problem = f"session/prompt: {json.dumps(error, ensure_ascii=False)[:500]}"
        return self._stop(StopKind.READY, "acp", began)

    async def _find_end(self, began: float) -> AgentStop | None:
        """Return the stop of a session that cannot go on, else None."""
        session = self._session
        assert session is not None  # noqa: S101 - it was opened
        if self._out.is_flood or self._err.is_flood:
            return self._stop(StopKind.FLOOD, "timeout", began)
        if session.overuse is not None:
            return self._stop(StopKind.OVERUSE, "timeout", began)
        if self._out.ended.is_set() or session.exit_code is not None:
            with contextlib.suppress(TimeoutError):  # its output may end a moment before the process does
                async with asyncio.timeout(_LAST_WORDS_S):
                    await session.wait()
            return self._stop(StopKind.EXITED, "exit", began)
        return None

    def _stop(self, kind: StopKind, signal: str, began: float) -> AgentStop:
        elapsed_ms = (self._loop.time() - began) * 1000
        first = self._out.first_s
        told = bytes(self._err.data).decode("utf-8", "replace")[-_SHOWN_BYTES:]
        for call_id in self._find_asked():
            self._tools.pop(call_id, None)  # nothing was called before the user has said yes
        text, tools = "".join(self._texts), tuple(map(_tool_call, self._tools.values()))
        asked = "\n".join(_describe_permission(params) for _, params in self._permissions)
        self._texts.clear()
        self._tools.clear()
        self._out.take()
        self._err.take()
        problem, self._problem = self._problem, ""
        shown = "\n".join(part for part in (text, asked) if part)
        return AgentStop(
            kind,
            signal,
            {signal: elapsed_ms},
            text=shown,
            screen=shown,
            first_output_ms=(first - began) * 1000 if first is not None and first >= began else None,
            elapsed_ms=elapsed_ms,
            exit_code=self._session.exit_code if self._session else None,
            overuse=self._session.overuse if self._session else None,
            tools=tools,
            detail=problem or told,
        )

    def _find_asked(self) -> list[str]:
        """Return the ids of the calls that the user is asked about."""
        tools = [params.get("toolCall") for _, params in self._permissions]
        return [str(tool.get("toolCallId", "")) for tool in tools if isinstance(tool, Mapping)]

    # messages

    def _send(self, method: str, params: Mapping[str, Any]) -> int:
        self._next_id += 1
        self._write({"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params})
        return self._next_id

    def _notify(self, method: str, params: Mapping[str, Any]) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def _reply(self, number: Any, result: Mapping[str, Any]) -> None:
        self._write({"jsonrpc": "2.0", "id": number, "result": result})

    def _write(self, message: Mapping[str, Any]) -> None:
        self._outgoing += json.dumps(message, ensure_ascii=False).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self._input, self._outgoing[:_PIECE])]
        except BlockingIOError:
            self._loop.add_writer(self._input, self._flush)
            return
        except OSError:
            self._outgoing.clear()  # nobody reads any more, which the end of its output tells
        if self._input >= 0:
            self._loop.remove_writer(self._input)

    def _read(self) -> None:
        """Take whole lines out of what came."""
        self._unread += self._out.data
        self._out.data.clear()
        *lines, rest = bytes(self._unread).split(b"\n")
        self._unread[:] = rest
        for line in lines:
            self._take(line)
        self._moved.set()

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, Mapping):
            self._invalid += 1
            self._problem = f"a line that is no message: {line[:200]!r}"
            return
        method, params = message.get("method"), message.get("params")
        if method is None:
            if isinstance(message.get("id"), int):
                self._answers[message["id"]] = message
            return
        given = params if isinstance(params, Mapping) else {}
        if method == "session/update":
            self._take_update(given.get("update"))
        elif method == "session/request_permission":
            self._permissions.append((message.get("id"), given))
            tool = given.get("toolCall")
            if isinstance(tool, Mapping):
                self._learn(str(tool.get("toolCallId", "")), tool)
        elif "id" in message:
            error = {"code": _METHOD_NOT_FOUND, "message": f"the client has no {method}"}
            self._write({"jsonrpc": "2.0", "id": message["id"], "error": error})

    def _take_update(self, update: Any) -> None:
        if not isinstance(update, Mapping):
            return
        kind = update.get("sessionUpdate")
        if kind == "agent_message_chunk":
            content = update.get("content")
            if isinstance(content, Mapping) and isinstance(content.get("text"), str):
                self._texts.append(content["text"])
        elif kind in ("tool_call", "tool_call_update"):
            call_id = str(update.get("toolCallId", ""))
            if kind == "tool_call":
                self._known.pop(call_id, None)
            self._tools[call_id] = self._learn(call_id, update)

    def _learn(self, call_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return all that is known of a call: what is told of it later, or when it is asked about, says only a part."""
        known = self._known.setdefault(call_id, {})
        known |= {name: value for name, value in told.items() if name != "sessionUpdate" and value is not None}
        return known

    def _answer_permission(self, reaction: Reaction) -> None:
        number, params = self._permissions.pop(0)
        options = [option for option in params.get("options") or () if isinstance(option, Mapping)]
        chosen = _choose_option(options, reaction)
        if chosen is None:
            self._reply(number, {"outcome": {"outcome": "cancelled"}})
        else:
            self._reply(number, {"outcome": {"outcome": "selected", "optionId": chosen}})


def _choose_option(options: list[Mapping[str, Any]], reaction: Reaction) -> str | None:
    """Return the id of the option that the user means; None: there is none of that kind."""
    if reaction.action is UserAction.CHOOSE:
        wanted = reaction.payload.casefold()
        named = [option for option in options if wanted in str(option.get("name", "")).casefold()]
        if not named and reaction.payload.isdigit() and 0 < int(reaction.payload) <= len(options):
            named = [options[int(reaction.payload) - 1]]
        return str(named[0].get("optionId")) if named else None
    kinds = _APPROVES if reaction.action is UserAction.APPROVE else _DENIES
    for kind in kinds:
        for option in options:
            if option.get("kind") == kind:
                return str(option.get("optionId"))
    return None


def _describe_permission(params: Mapping[str, Any]) -> str:
    """Return what a person would be shown: what the agent wants to do, and the choices."""
    tool = params.get("toolCall")
    title = str(tool.get("title", "")) if isinstance(tool, Mapping) else ""
    options = [str(option.get("name", "")) for option in params.get("options") or () if isinstance(option, Mapping)]
    return f"May I: {title.rstrip('?')}? [{' / '.join(options)}]"


def _tool_call(tool: Mapping[str, Any]) -> ToolCall:
    raw = tool.get("rawInput")
    arguments = dict(raw) if isinstance(raw, Mapping) else None
    shown = {name: tool[name] for name in ("title", "kind", "status", "locations") if name in tool}
    return ToolCall(
        name=str(tool.get("kind") or tool.get("title") or "tool"),
        arguments={**shown, **(arguments or {})},
        raw_arguments=json.dumps(raw, ensure_ascii=False),
        call_id=str(tool.get("toolCallId", "")),
    )
