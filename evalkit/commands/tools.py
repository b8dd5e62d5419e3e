"""``evalkit tools SIMULATION``: serves one simulation's mocked tools until Ctrl-C, and prints every call of them.

It is for connecting an agent of one's own to mocked tools before the first run: the addresses are printed, for an MCP
client and for webhooks, and a request that names no call is taken for one of the simulation's. SIMULATION is the id of
one of ``mode=run``. Further words are as for a run:

========================= ============================================================================================
word                      what it does
========================= ============================================================================================
mode.data_csv=FILE        takes the simulation from one's own index
tool_host.port=N          listens there; without it at a free port
tool_host.bind=ADDRESS    listens there: whoever reaches it can call the mocked tools
tool_host.public_url=URL  says under which address the agent reaches it, behind a tunnel for example
tool_mocks=flaky, slow    the first call of each tool fails; each takes two seconds longer
========================= ============================================================================================
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from evalkit import event_loop
from evalkit.clock import MonotonicClock
from evalkit.compose.line import LineParser, command_line
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, printable
from evalkit.mocks.session import MockSession
from evalkit.modes.voice.call_roles import mocks_of
from evalkit.modes.voice.settings import SimulationSettings
from evalkit.modes.voice.simulations import SimulationsData, call_tools
from evalkit.records.case import Case
from evalkit.records.json import Json, JsonObject
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import prepare
from evalkit.settings.names import did_you_mean
from evalkit.settings.schemas import schema_name
from evalkit.tool_host.host import ToolHost
from evalkit.tool_host.hosted_call import (
    MCP_PARAMETER,
    TOOLS_PARAMETER,
    HostedAnswer,
    HostedCall,
    UnknownCall,
    output_text,
)  # fmt: skip

_MODE = "mode=run"
_LONGEST = 400


def main(args: Sequence[str]) -> int:
    """Serve until interrupted. Raises UserError for a wrong line, config or simulation, and a port that is taken."""
    parser = LineParser("evalkit tools", "evalkit tools SIMULATION [tool_host.port=…] [tool_mocks=…] [key=value …]")
    parser.take_overrides(limits="tools serves one simulation")
    flags, words = parser.parse_words(args)
    named = [word for word in words if "=" not in word]
    line = command_line(flags, [_MODE, *(word for word in words if "=" in word)])
    prepared = prepare(plan(line.overrides, packaged_source(line.config_dirs)).jobs[0].config, Path.cwd(), os.environ)
    settings, data = prepared.settings, prepared.data
    if not isinstance(settings, SimulationSettings) or not isinstance(data, SimulationsData):
        given = schema_name(settings.config).replace(".", " input=")
        raise ConfigError(f"tools: mode={given} has no tools of calls that are spoken; leave mode and input out")
    case = _find_case(named, data)
    mocks = MockSession(mocks_of(settings, data.mocks, case), call_tools(case))
    with suppress(KeyboardInterrupt):  # asked to end, it has ended
        event_loop.run(_serve(settings, case, mocks))
    return 0


def _find_case(named: Sequence[str], data: SimulationsData) -> Case:
    """Return the simulation that the line names. Raises ConfigError with those that there are."""
    known = {case.case_id: case for case in (*data.cases, *data.left_out)}
    if len(named) == 1 and named[0] in known:
        return known[named[0]]
    if len(named) > 1:
        problem = f"found {', '.join(named)}; one simulation is served at a time"
    elif named:
        problem = f"no simulation is called {named[0]!r}{did_you_mean(named[0], known)}"
    else:
        problem = "name the simulation whose tools are served"
    raise ConfigError(f"tools: {problem}; simulations: {', '.join(known)}")


async def _serve(settings: SimulationSettings, case: Case, mocks: MockSession) -> None:
    clock = MonotonicClock()
    began_s = clock.now()

    def now_ms() -> float:
        return (clock.now() - began_s) * 1000

    def tell_answer(told: HostedAnswer) -> None:
        print("\n".join(_answer_lines(told)), flush=True)

    def tell_unknown(unknown: UnknownCall) -> None:
        asked = unknown.asked
        print(
            f"{now_ms() / 1000:8.2f} s  {asked.via:7}  {_clip(asked.name)} {_clip(asked.raw_arguments)} "
            f"not answered: {_clip(unknown.why)}",
            flush=True,
        )

    async with ToolHost(settings.tool_host, clock=clock, on_unknown=tell_unknown) as host:
        with host.open_call(case.case_id, mocks, now_ms, tell_answer) as call:
            print("\n".join(_address_lines(call, case)), flush=True)
            await asyncio.Event().wait()


def _address_lines(call: HostedCall, case: Case) -> Iterator[str]:
    webhooks = call.parameters[TOOLS_PARAMETER]
    names = [str(tool["name"]) for tool in call.tools]
    yield f"tools of {call.call_id}: {', '.join(names) or 'none'}"
    yield f"MCP       {call.parameters[MCP_PARAMETER]}"
    yield f"webhooks  {webhooks}/NAME, the arguments as JSON; Vapi's envelope at {webhooks}"
    name, arguments = _example(case, names)
    if name:
        yield f"try       curl -d {shlex.quote(_json(arguments))} {shlex.quote(f'{webhooks}/{name}')}"
    yield "Every call is printed here; Ctrl-C ends it."


def _example(case: Case, names: Sequence[str]) -> tuple[str, JsonObject]:
    """Return a call to try: the first that a right answer makes, else the first tool, without arguments."""
    for wanted in case.expected_calls:
        return wanted.name, wanted.arguments
    return (names[0] if names else ""), {}


def _answer_lines(told: HostedAnswer) -> Iterator[str]:
    took_ms = None if told.answered_at_ms is None else told.answered_at_ms - told.called_at_ms
    output = "ended before it was answered" if took_ms is None else f"-> {_clip(output_text(told.output.output))}"
    by = told.answer.answered_by or "no mock takes it"
    by += "" if took_ms is None or took_ms < 1 else f" after {took_ms:.0f} ms"
    yield f"{told.called_at_ms / 1000:8.2f} s  {told.via:7}  {_clip(told.call.name)} {_shown(told)} {output} ({by})"
    for problem in told.answer.schema_problems:
        yield f"{'':21}wrong: {_clip(problem)}"


def _shown(told: HostedAnswer) -> str:
    arguments = told.call.arguments
    return _clip(told.call.raw_arguments if arguments is None else _json(arguments))


def _json(value: Json) -> str:
    return orjson.dumps(value).decode()


def _clip(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
