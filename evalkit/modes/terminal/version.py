"""Asks an agent for its version, in a box like the one that it will work in."""

from __future__ import annotations

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from evalkit.errors import ConfigError, SandboxError, printable
from evalkit.modes.terminal.agent import InstalledAgent
from evalkit.modes.terminal.launch import Launcher
from evalkit.modes.terminal.streams import OutputReader, open_nothing
from evalkit.sandbox.session import SessionLimits, SessionSandbox, Streams, session_folder

_TIMEOUT_S = 60.0
_KEPT_BYTES = 64 * 1024
_VERSION_CHARS = 80
_SHOWN_CHARS = 400
_NUMBER = re.compile(r"\d+\.\d+")
_KNOWN: dict[tuple[str, ...], str] = {}


def with_version(agent: InstalledAgent, sandbox: SessionSandbox) -> InstalledAgent:
    """Return `agent` with the line that has a number in it of what its program says when asked; asked once a process.

    Blocks. Raises ConfigError where the program cannot be run here, or says nothing of the kind.
    """
    args = agent.settings.version_args
    if not args:
        return agent
    key = (sandbox.name, *agent.command(args, {}))
    if key not in _KNOWN:
        with ThreadPoolExecutor(1) as thread:  # a loop may run in this one
            _KNOWN[key] = thread.submit(lambda: asyncio.run(_ask(agent, sandbox))).result()
    return replace(agent, version=_KNOWN[key])


async def _ask(agent: InstalledAgent, sandbox: SessionSandbox) -> str:
    args = agent.settings.version_args
    asked = f"agent={agent.settings.name}: asked for its version ({' '.join(args)}), it"
    with session_folder() as root:
        launcher = Launcher(agent, sandbox, SessionLimits(), root)
        launcher.prepare({}, {})
        out, nothing = OutputReader(_KEPT_BYTES), open_nothing()
        try:
            session = launcher.launch(args, Streams(nothing, out.their_end, out.their_end))
            out.release()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    code = await session.wait()
            except TimeoutError:
                raise ConfigError(f"{asked} did not end within {_TIMEOUT_S:g} s") from None
            finally:
                await session.end()
            await asyncio.sleep(0)
        except SandboxError as error:
            raise ConfigError(f"agent={agent.settings.name}: {error}") from error
        finally:
            os.close(nothing)
            out.close()
    said = bytes(out.data).decode("utf-8", "replace").splitlines()
    line = next((line.strip() for line in said if _NUMBER.search(line)), "")
    if code != 0 or not line:
        shown = printable(" ".join(" ".join(said).split())[:_SHOWN_CHARS])
        raise ConfigError(
            f"{asked} ended with {code} and said {shown!r}; agent.version_args=[] leaves out the question"
        )
    return printable(line)[:_VERSION_CHARS]
