"""``python -m evalkit.service.coder --model NAME --weights FOLDER``: a local code model, with the service's ready line.

llama.cpp's own server answers ``/v1/chat/completions`` on a free loopback port. Its prompt cache is off: with it, the
same question at temperature 0 gets another answer the second time.
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
from evalkit.service.coder.weights import WEIGHTS, CoderWeights

_CONTEXT_TOKENS = 8192
_LOAD_S = 120.0
_LOOK_S = 0.1
_WRONG_CONFIG = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a model until stdin closes; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evalkit.service.coder", description="Serves a local code model.")
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


def _start(weights: CoderWeights, folder: Path) -> Any:
    path = weights.assemble(folder)
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(
            "provider=local_coder needs xllamacpp; install it with: pip install '.[local-coder]'"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {weights.model}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel, params.n_ctx, params.cache_prompt = 1, _CONTEXT_TOKENS, False
    params.ui = False
    return xllamacpp.Server(params)


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
    sys.exit(main())
