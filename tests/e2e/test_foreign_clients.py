"""Clients that nobody here wrote hold a call with the embedded service: they ask, a tool is called, they interrupt.

Each leaves the turns to the server, as it does by default; nothing but the address, the model and the tool is set,
and that the line has no echo where a client would take it to have one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from client_environments import CLIENTS, ForeignClient
from phone_caller import spoken

_CALL_S = 180


@pytest.fixture(scope="module")
def clips(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A question and an objection as raw PCM16 at 24 kHz."""
    folder = tmp_path_factory.mktemp("clips")
    texts = {
        "question": "Do you have the walnut side table in stock at the moment?",
        "objection": "Wait a moment please.",
    }
    for name, text in texts.items():
        (folder / f"{name}.pcm").write_bytes(spoken(service_url, text).astype("<i2").tobytes())
    return [str(folder / f"{name}.pcm") for name in texts]


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_a_call(client: ForeignClient, service_url: str, clips: list[str], tmp_path: Path) -> None:
    """The tool is called once with what was asked for, the answer is interrupted, and the interruption is answered."""
    environ = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "OPENAI_API_KEY"}}
    done = subprocess.run(
        [*client.command, service_url, *clips],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=_CALL_S, check=False,
    )  # fmt: skip
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, done.stderr[-2000:]
    assert [one["error"] for one in told if "error" in one] == []
    assert [one["tool"] for one in told if "tool" in one] == [{"product": "walnut side table"}]
    kinds = [next(iter(one)) for one in told]
    assert "interrupted" in kinds[kinds.index("tool") :]
    assert kinds[-1] == "answer"
    assert re.fullmatch(r"[A-Z].{6,}[.?!]", told[-1]["answer"])  # whole sentences: nothing cut it short
