"""A stored run's config as a base for composing: for ``rerun``, ``resume`` and ``score``.

Hydra stored what it had composed. That becomes a primary config of its own, in the order in which a shipped one is laid
down, so that its values hold whatever ``conf/`` says today; keys that came since have their shipped values. A group
that the line names, itself or by a preset, replaces the stored node, and everything else stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from evalkit.compose.line import CommandLine
from evalkit.errors import ConfigError
from evalkit.runner.jobs import Source, packaged_source
from evalkit.settings.options import list_groups, option_folders
from evalkit.settings.renamed import with_new_names
from evalkit.settings.resolution import with_absolute_paths
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import (
    DEFAULT_INPUT,
    dereference,
    mode_names,
    run_schema,
    schema_name,
    schema_names,
)  # fmt: skip

# Groups whose options may choose other groups' options, in their order in the primary config.
_PRESETS = ("realism", "experiment")
# What an assistant brings; the options of a mode say where it has them from.
_ASSISTANT_FILES = ("system_prompt_file", "tools_file")


@contextmanager
def stored_source(run_dir: Path, line: CommandLine) -> Iterator[Source]:
    """Yield the config that `run_dir` stored, as a source for composing `line` until the block ends.

    Raises ConfigError when a run never got as far as storing it, or stored something that cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="evalkit-rerun-") as folder:
        primary = _primary_config(run_dir, line)
        (Path(folder) / "rerun.yaml").write_text(yaml.safe_dump(primary, sort_keys=False), encoding="utf-8")
        search_dirs = (resource_dir("conf"), *packaged_source(line.config_dirs).search_dirs)
        yield Source(Path(folder), "rerun", search_dirs)


def _primary_config(run_dir: Path, line: CommandLine) -> dict[str, Any]:
    stored = with_new_names(_read(run_dir / ".hydra" / "config.yaml", run_dir))
    hydra_yaml = run_dir / ".hydra" / "hydra.yaml"
    runtime = _at(_read(hydra_yaml, run_dir), "hydra.runtime", hydra_yaml)
    shipped = _read(resource_dir("conf") / "config.yaml", run_dir)
    named = _named_groups(line)
    before = str(_at(stored, "mode.name", run_dir / ".hydra" / "config.yaml"))
    modes = named.get("mode", [before])
    for mode in {before, *modes} - set(mode_names()):
        raise ConfigError(f"{run_dir}: mode {mode!r} is not installed; installed modes: {', '.join(mode_names())}")
    body = with_absolute_paths(stored, Path(runtime["cwd"]))
    stored_input = str(body.get("input", DEFAULT_INPUT))
    for mode in modes:  # of several, what all of them have
        for chosen in {stored_input, *named.get("input", ())}:
            body = _known_keys(body, run_schema(_schema_of(mode, chosen)))
    _drop_replaced(body, named, changes_mode=modes != [before])
    kept = _kept_choices(runtime["choices"], body, modes, before)
    if (
        stored_input != DEFAULT_INPUT
        and "input" not in named
        and all("input" in run_schema(mode)["properties"] for mode in modes)
    ):
        kept["input"] = stored_input
    return {
        "defaults": [*_defaults(shipped["defaults"], before, kept)],
        **_with_stored_keys(shipped, body),
        "hydra": shipped["hydra"],
    }


def _defaults(shipped: Sequence[Any], mode: str, choices: Mapping[str, str]) -> Iterator[Any]:
    """Yield the defaults list: as shipped, but with the stored values behind every group and before any preset."""
    overridden = []
    for entry in shipped:
        group = next(iter(entry)) if isinstance(entry, dict) else entry
        if group == "_self_":
            continue
        if group == _PRESETS[0]:
            yield "_self_"
        if str(group).startswith("override "):
            overridden.append(entry)
        else:
            yield {"mode": mode} if group == "mode" else entry
    yield from ({f"override /{group}": choice} for group, choice in choices.items())
    yield from overridden


def _schema_of(mode: str, chosen: str) -> str:
    """Return the schema of a mode's config with the `chosen` input, where it has several."""
    name = schema_name({"mode": {"name": mode}, "input": chosen})
    return name if name in schema_names() else mode


def _named_groups(line: CommandLine) -> dict[str, list[str]]:
    """Return what the line chooses, ``group`` or ``group@node`` -> the options, those of its presets included."""
    groups = list_groups([Path(folder) for folder in line.config_dirs])
    named: dict[str, list[str]] = {}
    for text in line.overrides:
        name, _, value = text.lstrip("+").partition("=")
        if name.partition("@")[0] in groups:
            named[name] = value.split(",")
    presets = [(kind, chosen) for kind in _PRESETS for chosen in named.get(kind, [])]
    for kind, chosen in presets:
        for entry in _preset(kind, chosen, line).get("defaults", []):
            name = next(iter(entry)) if isinstance(entry, dict) else ""
            if name.startswith("override /"):
                named.setdefault(name.removeprefix("override /"), [str(entry[name])])
    return named


def _preset(group: str, name: str, line: CommandLine) -> dict[str, Any]:
    for folder in option_folders([Path(folder).expanduser().resolve() for folder in line.config_dirs]):
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            return content
    return {}


def _known_keys(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `node` without keys that its schema does not have (any more)."""
    known = schema.get("properties", {})
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if key not in known:
            continue
        inner = next((option for option in known[key].get("anyOf", ()) if "$ref" in option), known[key])
        inner = dereference(inner)
        kept[key] = _known_keys(value, inner) if isinstance(value, dict) and "properties" in inner else value
    return kept


def _drop_replaced(body: dict[str, Any], named: Mapping[str, list[str]], *, changes_mode: bool) -> None:
    """Take out of `body`, in place, what the groups on the line replace."""
    for name in named:
        group, _, node = name.partition("@")
        if node:
            outer, _, inner = node.partition(".")
            body.get(outer, {}).pop(inner, None)
        elif group != "mode":
            body.pop(group, None)
    if changes_mode:
        for mode in named["mode"]:
            option = _read_option("mode", mode)
            for key in (*option, *_overridden_groups(option)):
                body.pop(key, None)
        body.pop("mode", None)
        for key in _ASSISTANT_FILES:
            body.get("assistant", {}).pop(key, None)


def _overridden_groups(option: Mapping[str, Any]) -> list[str]:
    """Return the groups of which an option chooses another option than the one that stands."""
    names = [str(next(iter(entry))) for entry in option.get("defaults", ()) if isinstance(entry, dict)]
    return [name.removeprefix("override /") for name in names if name.startswith("override /")]


def _kept_choices(
    choices: Mapping[str, Any], body: Mapping[str, Any], modes: Sequence[str], before: str
) -> dict[str, str]:
    """Return the groups whose stored option is still used: an assistant, when the mode changes."""
    chosen = choices.get("assistant")
    if modes == [before] or "assistant" not in body or chosen in (None, _default_assistant(before)):
        return {}
    return {"assistant": str(chosen)}


def _default_assistant(mode: str) -> str | None:
    entries = _read_option("mode", mode).get("defaults", [])
    return next(
        (str(entry["/assistant"]) for entry in entries if isinstance(entry, dict) and "/assistant" in entry), None
    )


def _read_option(group: str, name: str) -> dict[str, Any]:
    for folder in option_folders():
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            return content
    return {}


def _with_stored_keys(shipped: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shipped plain keys, replaced by the stored values."""
    result = {key: value for key, value in shipped.items() if key not in ("defaults", "hydra")}
    for key, value in body.items():
        below = result.get(key)
        result[key] = _with_stored_keys(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _at(document: Any, key: str, path: Path) -> Any:
    for part in key.split("."):
        if not isinstance(document, dict) or part not in document:
            raise ConfigError(f"{path}: has no {key}; expected what a run stored")
        document = document[part]
    return document


def _read(path: Path, run_dir: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{run_dir}: holds no {path.parent.name}/{path.name}; expected a directory that a run wrote")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML ({str(error).splitlines()[0]}); expected what a run stored") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds no keys; expected what a run stored")
    return content
