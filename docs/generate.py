"""Writes the parts of the documentation that are made from the code: ``python docs/generate.py``.

A generated part stands in a page between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; everything else there is
written by hand. :data:`PARTS` has a function for each name. With ``--check`` nothing is written: pages that are out of
date are named, and the exit code is 1. ``tests/test_docs.py`` holds every page to this.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from evalkit import cli
from evalkit.compose.planning import plan
from evalkit.graders.context import GraderType
from evalkit.graders.registry import GRADER_TYPES
from evalkit.modes.registry import find_mode, mode_of
from evalkit.runner.jobs import packaged_source
from evalkit.settings.help import CODING_FLAGS, VOICE_FLAGS
from evalkit.settings.options import list_groups
from evalkit.settings.renamed import RENAMED_KEYS
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import (
    DEFAULT_INPUT,
    Key,
    dereference,
    load_schema,
    run_keys,
    run_schema,
    schema_names,
)

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_PART = re.compile(r"(?P<begin><!-- begin (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end (?P=name) -->)", re.DOTALL)


def render(text: str) -> str:
    """Return a page's `text` with each of its generated parts made anew. Raises KeyError for an unknown part."""
    return _PART.sub(lambda found: f"{found['begin']}\n{PARTS[found['name']]()}\n\n{found['end']}", text)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the generated parts of all pages, or with ``--check`` name those that are out of date."""
    parser = argparse.ArgumentParser(description="Write the generated parts of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; name pages that are out of date")
    check = parser.parse_args(argv).check
    stale = [page for page in PAGES if render(text := page.read_text(encoding="utf-8")) != text]
    for page in stale:
        if check:
            sys.stderr.write(f"{page.relative_to(ROOT)} is out of date; run: python docs/generate.py\n")
        else:
            page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if check and stale else 0


def _exit_codes() -> str:
    """Return the table of the README, so that it is written once."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.partition("| exit | meaning |")[1] + readme.partition("| exit | meaning |")[2].partition("\n\n")[0]


def _command_help() -> str:
    return "\n\n".join(f"### evalkit {command}\n\n```text\n{_help_of(command)}\n```" for command in cli.COMMANDS)


def _help_of(command: str) -> str:
    printed = io.StringIO()
    width = mock.patch.dict(os.environ, {"COLUMNS": "100"})  # of a page, and not of the terminal in use
    with width, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        cli.main([command, "--help"])
    return printed.getvalue().strip()


@cache
def shipped_groups() -> Mapping[str, Sequence[str]]:
    """Return the groups with their options, without those that packages installed beside evalkit add."""
    conf = resource_dir("conf")
    shipped = {
        group: [option for option in options if (conf / group / f"{option}.yaml").is_file()]
        for group, options in list_groups().items()
    }
    return {group: options for group, options in shipped.items() if options}


def _groups() -> str:
    return "\n\n".join(
        f"### {group}: options\n\n"
        + _table(("option", "what it is"), ((f"`{group}={option}`", _about(group, option)) for option in options))
        for group, options in shipped_groups().items()
    )


def _about(group: str, option: str) -> str:
    """Return the first sentence of the comment at the top of an option's file."""
    lines = (resource_dir("conf") / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ") and not line.startswith(("# @", "# evalkit "))]
    sentence = re.match(r"(?s).*?(?:\.(?=\s|$)|\n(?=[A-Z])|$)", "\n".join(comments))
    return " ".join(sentence[0].split()) if sentence else ""


def _keys() -> str:
    by_node: dict[str, dict[str, Key]] = {"": {}}
    for mode in shipped_groups()["mode"]:
        for path, key in run_keys(mode).items():
            node, dot, _ = path.partition(".")
            by_node.setdefault(node if dot else "", {}).setdefault(path, key)
    return "\n\n".join(_node(node, keys.values()) for node, keys in by_node.items())


def _node(node: str, keys: Iterable[Key]) -> str:
    modes = [mode for mode in shipped_groups()["mode"] if not node or node in run_schema(mode)["properties"]]
    about = dereference(run_schema(modes[0])["properties"][node])["description"] if node else "At the top level."
    only = "" if len(modes) == len(shipped_groups()["mode"]) else f" Only in {_in_modes(modes)}."
    rows = ((f"`{key.path}`", _allowed(key), _defaults(key.path, modes), key.description) for key in keys)
    title = f"{node}: keys" if node else "Plain keys"
    return f"### {title}\n\n{about}{only}\n\n" + _table(("key", "allowed", "default", "meaning"), rows)


def _in_modes(modes: Iterable[str]) -> str:
    return " and ".join(f"`mode={mode}`" for mode in modes)


def _allowed(key: Key) -> str:
    return key.allowed.replace(" | ", ", ") or "any JSON value"


@cache
def _config(mode: str) -> Mapping[str, Any]:
    """Return the composed config of a mode, as it is when nothing else is said."""
    return plan([f"mode={mode}"], packaged_source()).jobs[0].config


def _defaults(path: str, modes: Sequence[str]) -> str:
    """Return a key's default; where some of `modes` have another one, or do not have the key, each with its modes."""
    modes_of: dict[str, list[str]] = {}
    for mode in modes:
        with contextlib.suppress(KeyError):
            modes_of.setdefault(_shown(_at(_config(mode), path)), []).append(mode)
    if list(modes_of.values()) == [list(modes)]:
        return next(iter(modes_of))
    return "; ".join(f"{value} ({', '.join(having)})" for value, having in modes_of.items())


def _at(config: Mapping[str, Any], path: str) -> Any:
    for name in path.split("."):
        config = config[name]
    return config


def _shown(value: Any) -> str:
    if value == "":
        return "(empty)"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`".replace(str(resource_dir("data")), "data")


def _providers() -> str:
    folder = resource_dir("conf") / "provider"
    found = {option: yaml.safe_load((folder / f"{option}.yaml").read_text()) for option in shipped_groups()["provider"]}
    presets = [
        (option, preset, preset["models"])
        for option, preset in found.items()
        if "models" in preset and any((preset["base_url"], preset["api_key_env"], *preset["models"].values()))
    ]
    roles = presets[0][2]
    rows = [
        ("address", *(_or_dash(preset["base_url"]) for _, preset, _ in presets)),
        ("key from", *(_or_dash(preset["api_key_env"]) for _, preset, _ in presets)),
        ("text models through", *(_or_dash(preset["text_api"]) for _, preset, _ in presets)),
        *((f"{role} model", *(_or_dash(models[role]) for _, _, models in presets)) for role in roles),
    ]
    return _table(("", *(f"`{option}`" for option, _, _ in presets)), rows)


def _or_dash(value: object) -> str:
    return "-" if value is None else f"`{value}`"


def _old_flags(flags: Mapping[str, str]) -> str:
    rows = ((f"`{flag}`", f"`{override.format('VALUE')}`") for flag, override in flags.items())
    return _table(("flag", "write"), rows)


def _columns() -> str:
    return "\n\n".join(
        f"### mode={mode}\n\n```text\n{chr(10).join(find_mode(mode).layout.columns_with(['<grader_id>']))}\n```"
        for mode in shipped_groups()["mode"]
    )


def _summary_settings() -> str:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name in schema_names():
        mode, _, chosen = name.partition(".")
        if mode not in shipped_groups()["mode"]:
            continue
        for setting in mode_of({"mode": {"name": mode}, "input": chosen or DEFAULT_INPUT}).layout.settings:
            row = (f"`{setting.key}`", f"`{setting.path}`" if setting.path else "-", _shown(setting.missing))
            rows.setdefault(row, []).append(f"{mode} (input={chosen})" if chosen else mode)
    return _table(
        ("key", "config key", "when that is null", "modes"), ((*row, ", ".join(modes)) for row, modes in rows.items())
    )


def _graders() -> str:
    rows = (
        (f"`{grader.name}`", grader.summary, _options(grader), _needs(grader))
        for grader in GRADER_TYPES.values()
        if grader.grade.__module__.startswith("evalkit.")
    )
    return _table(("type", "what it asks", "options", "needs"), rows)


def _options(grader: GraderType) -> str:
    notes = dict.fromkeys(grader.required, " (required)") | dict.fromkeys(grader.one_required, " (one of these)")
    return ", ".join(f"`{name}`{notes.get(name, '')}" for name in grader.options) or "-"


def _needs(grader: GraderType) -> str:
    return ", ".join(sorted("transcription" if need == "transcribe" else need for need in grader.needs)) or "the record"


def _simulation_keys() -> str:
    return _file_keys(load_schema("simulation"))


def _behaviour_keys() -> str:
    schema = load_schema("behaviour")
    return _file_keys({**schema["items"], "$defs": schema["$defs"]})


def _mock_keys() -> str:
    return _file_keys(load_schema("mocks")["items"])


def _file_keys(schema: Mapping[str, Any]) -> str:
    rows = (
        (f"`{key.path}`", _allowed(key), "yes" if required else "", key.description)
        for key, required in _walk("", schema, schema.get("$defs", {}))
    )
    return _table(("key", "allowed", "required", "meaning"), rows)


def _walk(prefix: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[tuple[Key, bool]]:
    for name, child in schema["properties"].items():
        reference = str(child.get("$ref", ""))
        target = defs.get(reference.removeprefix("#/$defs/")) or (dereference(child) if reference else {})
        resolved = {**target, **child}
        if "properties" in resolved:
            yield from _walk(f"{prefix}{name}.", resolved, defs)
        else:
            yield Key(f"{prefix}{name}", resolved), name in schema.get("required", ())


def _renamed_keys() -> str:
    return _table(("old key", "new key"), ((f"`{old}`", f"`{new}`") for old, new in RENAMED_KEYS.items()))


def _quiz(path: str, language: str) -> str:
    """Return a file of the mode that the tests install, as a block of code."""
    text = (ROOT / "tests" / "plugins" / "quiz" / "evalkit_quiz" / path).read_text(encoding="utf-8")
    return f"```{language}\n{text}```"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a bar inside a cell would end it, so none may be in there."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |" for cells in lines)


PARTS: Mapping[str, Callable[[], str]] = {
    "command-help": _command_help,
    "exit-codes": _exit_codes,
    "graders": _graders,
    "groups": _groups,
    "keys": _keys,
    "mock-keys": _mock_keys,
    "old-coding-flags": lambda: _old_flags(CODING_FLAGS),
    "old-flags": lambda: _old_flags(VOICE_FLAGS),
    "providers": _providers,
    "quiz-mode": lambda: _quiz("mode.py", "python"),
    "quiz-option": lambda: _quiz("conf/mode/quiz.yaml", "yaml"),
    "quiz-schema": lambda: _quiz("schemas/mode_quiz.schema.json", "json"),
    "renamed-keys": _renamed_keys,
    "results-columns": _columns,
    "simulation-keys": _simulation_keys,
    "behaviour-keys": _behaviour_keys,
    "summary-settings": _summary_settings,
}


if __name__ == "__main__":
    sys.exit(main())
