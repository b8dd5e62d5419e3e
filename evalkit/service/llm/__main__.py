"""``python -m evalkit.service.llm --model NAME --weights FOLDER``: a local language model, with a ready line.

llama.cpp's own server answers ``/v1/chat/completions`` on a free loopback port. Who names no temperature gets 0. What
it has read of the last prompt it does not read again, so that a conversation goes on where it was; who wants the same
answer to the same question asks with ``cache_prompt: false``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.process_end import run_process
from evalkit.service.llm.weights import WEIGHTS, LlmWeights

_CONTEXT_TOKENS = 8192
_MOST_TOKENS = 2048
"""Of one answer: a small model that has lost its thread writes until its context is full."""
_MEMORY = Path("/proc/meminfo")
_LOAD_S = 120.0
_LOOK_S = 0.1
_WRONG_CONFIG = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a model until stdin closes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evalkit.service.llm", description="Serves a local language model.")
    parser.add_argument("--model", choices=sorted(WEIGHTS), required=True)
    parser.add_argument("--weights", type=Path, required=True, metavar="FOLDER", help="where weights are put together")
    options = parser.parse_args(argv)
    try:
        server = _start(WEIGHTS[options.model], options.weights)
    except ConfigError as error:
        sys.stderr.write("\n".join(error.problems) + "\n")
        return _WRONG_CONFIG
    address = str(server.listening_address)
    _wait_until_loaded(address)
    sys.stdout.write(json.dumps({"url": f"{address}/v1", "pid": os.getpid(), "models": [options.model]}) + "\n")
    sys.stdout.flush()
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # what is being generated has nobody left who would read it


def _start(weights: LlmWeights, folder: Path) -> Any:
    path = weights.assemble(folder)
    _require_memory(weights)
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(
            f"{weights.model} needs xllamacpp; install it with: pip install '.[{weights.extra}]'"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {weights.model}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel, params.n_ctx, params.n_predict = 1, _CONTEXT_TOKENS, _MOST_TOKENS
    params.sampling.temp, params.ui = 0.0, False
    return xllamacpp.Server(params)


def _require_memory(weights: LlmWeights) -> None:
    """Raise ConfigError where the system says that it has less memory than the model takes."""
    if not _MEMORY.exists():
        return
    sizes = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
    free_bytes = int(sizes["MemAvailable"].removesuffix("kB")) * 1024
    if free_bytes < weights.memory_bytes:
        raise ConfigError(
            f"{weights.model} takes {weights.memory_bytes / 1e9:.1f} GB of memory, and {free_bytes / 1e9:.1f} GB are "
            f"free; end what else is running, or choose a smaller model: {', '.join(WEIGHTS)}"
        )


def _wait_until_loaded(address: str) -> None:
    """Return when the server answers that it is well: it says 503 while it loads."""
    deadline = time.monotonic() + _LOAD_S
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:  # noqa: S310 - our own loopback
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"the model was not loaded after {_LOAD_S:g} s")
        time.sleep(_LOOK_S)


if __name__ == "__main__":
    run_process(main)
