"""What a run has left loaded at LM Studio, unloaded: by the run as it ends, or by a process that outlives it.

A run that is killed has no time for it. So before it loads anything it starts a process that does nothing until the
run is gone (its stdin closes then, however the run ends), and that unloads what is still noted in the run's directory.
It leaves the run to whoever resumes it meanwhile, and gives up after a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from evalkit.errors import CaseFailure, ConfigError, EvalkitError
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint
from evalkit.providers.lmstudio import open_studio
from evalkit.records.faults import Stage
from evalkit.store.files import write_atomically
from evalkit.store.run_directory import RunDirectory

LMSTUDIO = "lmstudio"
NOTE_NAME = "lmstudio.json"
_PATIENCE_S = 900.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_OUTLIVING: list[subprocess.Popen[bytes]] = []
"""Processes that have something left to unload; kept so that nobody takes them for forgotten."""

_log = logging.getLogger(__name__)


class LoadedModel(NamedTuple):
    """What a run loaded: where, which model, its id (None while it is being loaded), and where the token is found."""

    base_url: str
    model: str
    instance: str | None
    api_key_env: str | None = None


def read_note(run_dir: Path) -> list[LoadedModel]:
    """Return what the run has loaded; a note that cannot be read is none, as it only helps."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        entries = json.loads((run_dir / NOTE_NAME).read_text(encoding="utf-8"))["loaded"]
        return [
            LoadedModel(str(one["base_url"]), str(one["model"]), one["instance"], one.get("api_key_env"))
            for one in entries
        ]
    return []


def write_note(run_dir: Path, loaded: Sequence[LoadedModel]) -> None:
    """Write down what the run has loaded; nothing leaves no note."""
    if loaded:
        entries = [entry._asdict() for entry in loaded]
        write_atomically(run_dir / NOTE_NAME, json.dumps({"loaded": entries}, indent=2) + "\n")
    else:
        (run_dir / NOTE_NAME).unlink(missing_ok=True)


async def unload_noted(run_dir: Path, clients: Clients, say: Callable[[str], None], *, is_loading: bool) -> None:
    """Unload what is noted in `run_dir`; what cannot be unloaded, or may still be on its way, stays noted.

    Args:
        run_dir: The run's directory.
        clients: HTTP clients.
        say: Told what is unloaded, and what could not be.
        is_loading: Whether what is noted without an id may still be on its way.

    """
    left = read_note(run_dir)
    for entry in tuple(left):
        try:
            is_gone = await _unload(entry, clients, say, is_loading=is_loading)
        except CaseFailure as failure:
            say(f"LM Studio: {entry.model} could not be unloaded ({failure.message}); try: lms unload")
            continue
        if is_gone:
            left.remove(entry)
            write_note(run_dir, left)
        else:
            say(f"LM Studio: {entry.model} is still being loaded; it is unloaded then, or with: lms unload")


async def _unload(entry: LoadedModel, clients: Clients, say: Callable[[str], None], *, is_loading: bool) -> bool:
    """Unload what `entry` says, and return whether nothing of it is left, or on its way."""
    endpoint = ProviderEndpoint(LMSTUDIO, entry.base_url, entry.api_key_env)
    studio, models, why = await open_studio(clients, endpoint)
    if studio is None:
        raise CaseFailure(Stage.PREPARE, "no_such_api", why)
    now = [model for model in models or () if model.is_named(entry.model)]
    # What was being loaded was not loaded before, so whatever is loaded of it came from this run.
    instances = [one for model in now for one in model.instances if entry.instance in (None, one)]
    for instance in instances:
        say(f"LM Studio: unloading {instance}")
        await studio.unload(instance)
    return bool(instances) or entry.instance is not None or not is_loading


@contextmanager
def unloading_afterwards(run_dir: Path) -> Iterator[None]:
    """Have another process unload what is noted in `run_dir` when the block, or this process, has ended.

    Where no process can be started, nothing is lost but that.
    """
    command = [sys.executable, "-P", "-m", __name__, str(run_dir.absolute())]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        _log.warning("nobody will unload models at LM Studio if this run is killed: %s", error.strerror)
        yield
        return
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        if read_note(run_dir):
            _OUTLIVING.append(process)
        else:
            process.kill()
            process.wait()


def unload_when_left_alone(run_dir: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Unload what is noted in `run_dir` as soon as nobody holds the run, trying again for a quarter of an hour."""
    deadline, wait_s = time.monotonic() + _PATIENCE_S, _FIRST_WAIT_S
    while read_note(run_dir):
        with suppress(ConfigError, OSError), RunDirectory(run_dir).exclusive():
            asyncio.run(_unload_once(run_dir, environ, say))
        if not read_note(run_dir) or time.monotonic() + wait_s > deadline:
            return
        time.sleep(wait_s)
        wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)


async def _unload_once(run_dir: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    clients = Clients(environ)
    try:
        await unload_noted(run_dir, clients, say, is_loading=True)
    except EvalkitError as error:
        say(str(error))
    finally:
        await clients.aclose()


def main(run_dir: Path) -> None:
    """Wait until stdin closes, then unload what the run has left, and say so in its log."""
    sys.stdin.buffer.read()
    if not read_note(run_dir):
        return
    logging.basicConfig(
        filename=run_dir / "evalkit.log",
        encoding="utf-8",
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logger = logging.getLogger("evalkit.peers.unloading")
    logger.setLevel(logging.INFO)
    unload_when_left_alone(run_dir, os.environ, logger.info)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
