"""What ``evalkit new`` puts into a folder for a voice mode: a few shipped cases, with their prompt and tools."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from evalkit.modes.mode import Starter, StarterFile
from evalkit.settings.resources import resource_dir

_CASES = 4
_ASSISTANT = {"assistant": {"system_prompt_file": "prompt.txt", "tools_file": "tools.json"}}


def start_with_texts() -> Starter:
    """Return a crawl: texts that are spoken."""
    cases = _rows(_first_rows(_data() / "crawl" / "support.csv"))
    about = "one row per case: what the caller says, and the tool call that answers it"
    return Starter("cases.csv", [*_assistant_files(), StarterFile("cases.csv", cases, about)], _ASSISTANT)


def start_with_recordings() -> Starter:
    """Return a walk: recordings and their CSV."""
    rows = _first_rows(_data() / "walk" / "support.csv")
    about = "one row per recording in `audio/` (G.711 mu-law WAV, 8 kHz); `evalkit voice` makes them from a crawl CSV"
    sounds = [StarterFile(row["audio_path"], (_data() / "walk" / row["audio_path"]).read_bytes()) for row in rows]
    files = [*_assistant_files(), StarterFile("recordings.csv", _rows(rows), about), *sounds]
    return Starter("recordings.csv", files, _ASSISTANT)


def start_with_simulations() -> Starter:
    """Return a run: an index and its simulation files, which name prompt and tools themselves."""
    rows = _first_rows(_data() / "run" / "simulations.csv")
    about = "one row per simulated call; each `sim_*.json` has the caller's persona, the tools' answers and the graders"
    simulations = [StarterFile(row["simulation_path"], _simulation(row["simulation_path"])) for row in rows]
    return Starter(
        "simulations.csv", [*_assistant_files(), StarterFile("simulations.csv", _rows(rows), about), *simulations]
    )


def _assistant_files() -> list[StarterFile]:
    prompt, tools = _data() / "prompts" / "support.txt", _data() / "tools" / "support.json"
    return [
        StarterFile("prompt.txt", prompt.read_bytes(), "your assistant's system prompt"),
        StarterFile("tools.json", tools.read_bytes(), "its tools: the Realtime API's list of function tools"),
    ]


def _simulation(name: str) -> bytes:
    simulation = json.loads((_data() / "run" / name).read_text(encoding="utf-8"))
    simulation["assistant"] |= {"system_prompt_file": "prompt.txt", "tools_file": "tools.json"}
    return f"{json.dumps(simulation, indent=2, ensure_ascii=False)}\n".encode()


def _data() -> Path:
    return resource_dir("data")


def _first_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for _, row in zip(range(_CASES), csv.DictReader(file), strict=False)]


def _rows(rows: Sequence[dict[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
