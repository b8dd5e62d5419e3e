"""``evalkit new NAME mode=…``: a folder of one's own to start from; ``evalkit check`` accepts it, ``evalkit`` runs it.

It holds a preset in ``conf/experiment/``, what the mode gives a beginner (a prompt, tools, a few of the shipped cases),
and a README that says how to run it and what to change first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from evalkit.compose.line import LineParser
from evalkit.errors import ConfigError
from evalkit.modes.registry import find_mode
from evalkit.settings.names import did_you_mean
from evalkit.settings.schemas import mode_names

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_PRESET = """# @package _global_
# evalkit --config-dir conf experiment={name}
defaults:
  - override /mode: {mode}
{keys}"""
_README = """# {name}

An evaluation of your own, started with `evalkit new {name} mode={mode}`. Run it in this folder:

```
evalkit check --config-dir conf experiment={name}     # validates everything, calls nobody
evalkit --config-dir conf experiment={name}           # runs it with what ships: no key, no network
evalkit --config-dir conf experiment={name} {own}
```

| file | what to change |
|---|---|
{files}
| `conf/experiment/{name}.yaml` | any key of `evalkit --help mode={mode}`, for this evaluation |
"""


def main(args: Sequence[str]) -> int:
    """Make the folder and print its path. Raises ConfigError when it cannot be, before anything is written."""
    name, mode = _parse(args)
    folder = Path(name).resolve()
    if folder.exists():
        raise ConfigError(f"{folder}: is there already; choose another name, or take it away first")
    starter = find_mode(mode).starter(folder)
    keys = {"mode": {starter.data_key: starter.data}, **starter.keys, "run_name": name}
    preset = _PRESET.format(name=name, mode=mode, keys=yaml.safe_dump(keys, sort_keys=False))
    listed = "\n".join(f"| `{file.path}` | {file.about} |" for file in starter.files if file.about)
    contents = {
        f"conf/experiment/{name}.yaml": preset.encode(),
        "README.md": _README.format(name=name, mode=mode, files=listed, own=starter.own).encode(),
        **{file.path: file.content for file in starter.files},
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    print(folder)
    return 0


def _parse(args: Sequence[str]) -> tuple[str, str]:
    parser = LineParser("evalkit new", f"evalkit new my-agent mode={'|'.join(mode_names())}")
    _, words = parser.parse_words(args)
    names = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    mode = given.pop("mode", "crawl")
    if len(names) != 1 or given:
        parser.error("takes a name and a mode")
    if mode not in mode_names():
        hint = did_you_mean(mode, mode_names())
        raise ConfigError(f"mode: {mode!r} is not an option{hint}; options: {', '.join(mode_names())}")
    if not _NAME.fullmatch(names[0]):
        raise ConfigError(f"{names[0]!r}: is not a name; it begins with a letter and has letters, digits, - and _ only")
    return names[0], mode
