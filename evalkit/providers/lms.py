"""LM Studio's program ``lms``, for servers whose REST API cannot load a model yet (before 0.4).

It is told by ``--host`` and ``--port`` which server is meant, so that it never starts one of its own. Its exit code
says little (unloading what is not there is 0), so what is loaded is looked up afterwards. What is here follows the
program's source; the tests hold it against a stand-in.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evalkit.errors import CaseFailure
from evalkit.providers.endpoints import ProviderEndpoint, http_base_url
from evalkit.providers.studio_models import StudioModel, read_listings
from evalkit.records.faults import Stage

PROGRAM = "lms"
_LISTING_TIMEOUT_S = 30.0
_LOADING_TIMEOUT_S = 900.0
_WORDS = 300


class LmsProgram:
    """The program as one server's models are managed with it. What goes wrong is a CaseFailure, as everywhere."""

    def __init__(self, program: str, endpoint: ProviderEndpoint) -> None:
        where = urlsplit(http_base_url(endpoint))
        self._program = program
        self._place = ["--host", where.hostname or "", "--port", str(where.port or 80)]

    async def models(self) -> Sequence[StudioModel]:
        """Return the models there are."""
        known, loaded = await self._json("ls"), await self._json("ps")
        models = read_listings(known, loaded)
        if models is None:
            raise _failure("ls", "no list of models")
        return models

    async def load(self, key: str) -> str:
        """Load a model and return the id of what is loaded now. Takes as long as that takes, 15 minutes at most."""
        known = await self.models()
        before = {one for model in known for one in model.instances}
        path = next((model.path for model in known if model.key == key), "") or key
        said = await self._run("load", "--exact", path, "--yes", timeout_s=_LOADING_TIMEOUT_S)
        after = [one for model in await self.models() if model.key == key for one in model.instances]
        new = [one for one in after if one not in before]
        if not new:
            raise _failure("load", said)
        return new[0]

    async def unload(self, instance: str) -> None:
        """Unload what was loaded under the id `instance`."""
        said = await self._run("unload", instance, timeout_s=_LISTING_TIMEOUT_S)
        if any(instance in model.instances for model in await self.models()):
            raise _failure("unload", said)

    async def _json(self, listing: str) -> Any:
        said = await self._run(listing, "--json", timeout_s=_LISTING_TIMEOUT_S)
        try:
            return json.loads(said)
        except ValueError:
            raise _failure(listing, said) from None

    async def _run(self, *arguments: str, timeout_s: float) -> str:
        """Return what it says. A session of its own, so that Ctrl-C reaches the run and not what it waits for."""
        command = [self._program, arguments[0], *self._place, *arguments[1:]]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=os.name == "posix"
            )
        except OSError as error:
            raise _failure(arguments[0], error.strerror or str(error)) from None
        try:
            async with asyncio.timeout(timeout_s):
                out, err = await process.communicate()
        except TimeoutError:
            raise _failure(arguments[0], f"no answer within {timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise _failure(arguments[0], (err or out).decode(errors="replace"))
        return out.decode(errors="replace") or err.decode(errors="replace")


def find_lms(endpoint: ProviderEndpoint) -> LmsProgram | None:
    """Return the program for the server at `endpoint`; None where it is not installed, or the server speaks TLS."""
    program = shutil.which(PROGRAM) or shutil.which(Path.home() / ".lmstudio" / "bin" / PROGRAM)
    is_plain = urlsplit(http_base_url(endpoint)).scheme == "http"
    return LmsProgram(program, endpoint) if program and is_plain else None


def _failure(what: str, said: str) -> CaseFailure:
    return CaseFailure(Stage.PREPARE, "lms_failed", f"{PROGRAM} {what}: {' '.join(said.split())[:_WORDS] or 'failed'}")
