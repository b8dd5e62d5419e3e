"""Tools over MCP: a stateless server that answers ``tools/list`` and ``tools/call``; the only door to package `mcp`.

Every request stands for itself, so that an agent may connect once for all its calls, or once for each. A tool's output
is its text and, where it is an object, its structured content as well; one that fails is marked as an error.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import mcp.types as mcp_types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

import evalkit
from evalkit.records.json import Json, JsonObject
from evalkit.tool_host.hosted_call import AskedTool, UnknownCall, Via, output_text, read_arguments
from evalkit.tool_host.open_calls import OpenCalls

_NAMED = "evalkit.named"


class McpServer:
    """Serves the tools of `calls` while :meth:`run` lasts."""

    def __init__(self, calls: OpenCalls) -> None:
        self._calls = calls
        server: Server[Any] = Server(
            "evalkit", version=evalkit.__version__, on_list_tools=self._list_tools, on_call_tool=self._call_tool
        )
        self._sessions = StreamableHTTPSessionManager(server, json_response=True, stateless=True)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Answer requests until the block ends."""
        async with self._sessions.run():
            yield

    async def answer(self, scope: Scope, receive: Receive, send: Send, named: Sequence[str]) -> None:
        """Answer one request; `named` is how path and header name its call, where they do."""
        await self._sessions.handle_request({**scope, _NAMED: tuple(named)}, receive, send)

    async def _list_tools(
        self, context: ServerRequestContext[Any, Any], _: mcp_types.PaginatedRequestParams | None
    ) -> mcp_types.ListToolsResult:
        return mcp_types.ListToolsResult(tools=[_describe(tool) for tool in self._calls.tools(_named(context))])

    async def _call_tool(
        self, context: ServerRequestContext[Any, Any], params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult:
        raw_arguments = json.dumps(params.arguments or {}, ensure_ascii=False)
        asked = AskedTool(params.name, read_arguments(raw_arguments), raw_arguments, Via.MCP)
        found = self._calls.claim(asked, _named(context))
        if isinstance(found, UnknownCall):
            return _result({"error": found.why}, fails=True)
        answer = await found.answer(asked)
        return _result(answer.output.output, fails=answer.fails)


def _named(context: ServerRequestContext[Any, Any]) -> Sequence[str]:
    named: Sequence[str] = context.request.scope[_NAMED]
    return named


def _describe(tool: JsonObject) -> mcp_types.Tool:
    parameters: Any = tool.get("parameters") or {}
    return mcp_types.Tool(
        name=str(tool["name"]),
        description=str(tool.get("description") or "") or None,
        input_schema={"type": "object", **parameters},
    )


def _result(output: Json, *, fails: bool) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(
        content=[mcp_types.TextContent(type="text", text=output_text(output))],
        structured_content=output if isinstance(output, dict) else None,
        is_error=fails,
    )
