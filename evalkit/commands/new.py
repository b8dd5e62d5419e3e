"""``evalkit new NAME mode=…``: a folder of one's own to start from; ``evalkit check`` accepts it, ``evalkit`` runs it.

It holds a preset in ``conf/experiment/``, a prompt, a tools file, a few cases (or recordings, or simulations) taken
from the shipped ones, and a README that says how to run it and what to change first.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from evalkit.errors import ConfigError
from evalkit.settings.help import MODES
from evalkit.settings.names import did_you_mean
from evalkit.settings.resources import resource_dir

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_CASES = 4
_INDEX = {"crawl": "cases.csv", "walk": "recordings.csv", "run": "simulations.csv"}
_PRESET = """# @package _global_
# evalkit --config-dir conf experiment={name}
defaults:
  - override /mode: {mode}
mode:
  data_csv: {index}
{assistant}run_name: {name}
"""
_ASSISTANT = """assistant:
  system_prompt_file: prompt.txt
  tools_file: tools.json
"""
_README = """# {name}

An evaluation of your own, started with `evalkit new {name} mode={mode}`. Run it in this folder:

```
evalkit check --config-dir conf experiment={name}     # validates everything, calls nobody
evalkit --config-dir conf experiment={name}           # runs it on the embedded provider
evalkit --config-dir conf experiment={name} provider=openai assistant.model=MODEL
```

| file | what to change |
|---|---|
| `prompt.txt` | your assistant's system prompt |
| `tools.json` | its tools: the Realtime API's list of function tools |
| `{index}` | {what} |
| `conf/experiment/{name}.yaml` | any key of `evalkit --help`, for this evaluation |
"""
_WHAT = {
    "crawl": "one row per case: what the caller says, and the tool call that answers it",
    "walk": "one row per recording in `audio/` (G.711 mu-law WAV, 8 kHz); `evalkit voice` makes them from a crawl CSV",
    "run": "one row per simulated call; each `sim_*.json` has the caller's persona, the tools' answers and the graders",
}


def main(args: Sequence[str]) -> int:
    """Make the folder and print its path. Raises ConfigError when it cannot be, before anything is written."""
    name, mode = _parse(args)
    folder = Path(name).resolve()
    if folder.exists():
        raise ConfigError(f"{folder}: is there already; choose another name, or take it away first")
    preset = _PRESET.format(name=name, mode=mode, index=_INDEX[mode], assistant="" if mode == "run" else _ASSISTANT)
    text = _README.format(name=name, mode=mode, index=_INDEX[mode], what=_WHAT[mode])
    (folder / "conf" / "experiment").mkdir(parents=True)
    (folder / "conf" / "experiment" / f"{name}.yaml").write_text(preset, encoding="utf-8")
    (folder / "README.md").write_text(text, encoding="utf-8")
    data = resource_dir("data")
    shutil.copy(data / "prompts" / "support.txt", folder / "prompt.txt")
    shutil.copy(data / "tools" / "support.json", folder / "tools.json")
    {"crawl": _add_cases, "walk": _add_recordings, "run": _add_simulations}[mode](data, folder)
    print(folder)
    return 0


def _parse(args: Sequence[str]) -> tuple[str, str]:
    names = [arg for arg in args if "=" not in arg]
    given = dict(arg.split("=", 1) for arg in args if "=" in arg)
    mode = given.pop("mode", "crawl")
    if len(names) != 1 or given:
        raise ConfigError("new: takes a name and a mode: evalkit new my-agent mode=crawl|walk|run")
    if mode not in MODES:
        raise ConfigError(f"mode: {mode!r} is not an option{did_you_mean(mode, MODES)}; options: {', '.join(MODES)}")
    if not _NAME.fullmatch(names[0]):
        raise ConfigError(f"{names[0]!r}: is no name; it begins with a letter and has letters, digits, - and _ only")
    return names[0], mode


def _add_cases(data: Path, folder: Path) -> None:
    _write_rows(folder / _INDEX["crawl"], _first_rows(data / "crawl" / "support.csv"))


def _add_recordings(data: Path, folder: Path) -> None:
    rows = _first_rows(data / "walk" / "support.csv")
    (folder / "audio").mkdir()
    for row in rows:
        shutil.copy(data / "walk" / row["audio_path"], folder / row["audio_path"])
    _write_rows(folder / _INDEX["walk"], rows)


def _add_simulations(data: Path, folder: Path) -> None:
    rows = _first_rows(data / "run" / "simulations.csv")
    for row in rows:
        simulation = json.loads((data / "run" / row["simulation_path"]).read_text(encoding="utf-8"))
        simulation["assistant"] |= {"system_prompt_file": "prompt.txt", "tools_file": "tools.json"}
        text = json.dumps(simulation, indent=2, ensure_ascii=False)
        (folder / row["simulation_path"]).write_text(text + "\n", encoding="utf-8")
    _write_rows(folder / _INDEX["run"], rows)


def _first_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for _, row in zip(range(_CASES), csv.DictReader(file), strict=False)]


def _write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
