"""``evalkit rerun RUN_DIR [key=value …]``: a new run from a stored config, overrides and ``-m`` allowed on top.

The composed config that Hydra stored becomes a primary config of its own, so its values hold whatever the shipped
``conf/`` says today. A group named on the line (``provider=openai``) replaces the stored node; everything else stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from evalkit import compose
from evalkit.commands.line import CommandLine, parse_line
from evalkit.commands.run import execute
from evalkit.commands.usage import list_groups
from evalkit.errors import ConfigError
from evalkit.settings.renamed import with_new_names
from evalkit.settings.resources import resource_dir

_ASSISTANT_FILES = ("system_prompt_file", "tools_file")
_FILE_KEYS = ("data_csv", "system_prompt_file", "tools_file", "mocks_file", "prices_file", "output_dir", "run")


def main(args: Sequence[str]) -> int:
    """Run the stored config in ``args[0]`` again, with the overrides that follow it; ``-m`` may stand before it."""
    flags = [arg for arg in args[:1] if arg in ("-m", "--multirun")]
    rest = list(args[len(flags) :])
    if not rest or rest[0].startswith("-") or "=" in rest[0]:
        raise ConfigError("rerun: needs a run directory: evalkit rerun outputs/DATE/RUN [key=value …]")
    run_dir = Path(rest[0]).expanduser().resolve()
    line = parse_line([*flags, *rest[1:]])
    with stored_source(run_dir, line) as source:
        return execute(compose.plan(line.overrides, source, multirun=line.multirun))


@contextmanager
def stored_source(run_dir: Path, line: CommandLine) -> Iterator[compose.Source]:
    """Give the config that `run_dir` stored, as a source that `line` can be composed on while the block lasts.

    Raises ConfigError when a run never got as far as storing it.
    """
    with tempfile.TemporaryDirectory(prefix="evalkit-rerun-") as folder:
        primary = _primary_config(run_dir, line)
        (Path(folder) / "rerun.yaml").write_text(yaml.safe_dump(primary, sort_keys=False), encoding="utf-8")
        search_dirs = (resource_dir("conf"), *compose.packaged_source(line.config_dirs).search_dirs)
        yield compose.Source(Path(folder), "rerun", search_dirs)


def _primary_config(run_dir: Path, line: CommandLine) -> dict[str, Any]:
    stored = with_new_names(_read(run_dir / ".hydra" / "config.yaml", run_dir))
    runtime = _read(run_dir / ".hydra" / "hydra.yaml", run_dir)["hydra"]["runtime"]
    shipped = _read(resource_dir("conf") / "config.yaml", run_dir)
    named = {override.partition("=")[0] for override in line.overrides}
    replaced = {group for group in list_groups() if group in named}
    groups = [{group: runtime["choices"].get(group)} for group in sorted(replaced - {"experiment"})]
    nulls = [
        entry for entry in shipped["defaults"] if isinstance(entry, dict) and next(iter(entry)).startswith("provider@")
    ]
    overridden = [
        entry for entry in shipped["defaults"] if isinstance(entry, dict) and next(iter(entry)).startswith("override ")
    ]
    body = {
        key: _with_new_keys(value, shipped.get(key) or _shipped_option(key, runtime["choices"].get(key)))
        for key, value in stored.items()
        if key not in replaced
    }
    assistant = [] if "assistant" in replaced else [{"assistant": runtime["choices"].get("assistant")}]
    if assistant and _enters_or_leaves_run(stored, line):
        body["assistant"] = {key: value for key, value in body["assistant"].items() if key not in _ASSISTANT_FILES}
    return {
        "defaults": ["evalkit_schema", *assistant, "_self_", *groups, *nulls, {"experiment": None}, *overridden],
        **_with_absolute_paths(body, Path(runtime["cwd"])),
        "hydra": shipped["hydra"],
    }


def _enters_or_leaves_run(stored: dict[str, Any], line: CommandLine) -> bool:
    """Tell whether the line changes between simulated calls, which bring their own prompts, and other modes."""
    chosen = {name for text in line.overrides if text.startswith("mode=") for name in text[len("mode=") :].split(",")}
    return len(chosen | {stored["mode"]["name"]}) > 1 and "run" in chosen | {stored["mode"]["name"]}


def _with_absolute_paths(node: dict[str, Any], working_dir: Path) -> dict[str, Any]:
    """Return `node` with relative file names counted from the folder in which the stored run was started."""
    result: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict):
            result[key] = _with_absolute_paths(value, working_dir)
        elif key in _FILE_KEYS and isinstance(value, str) and "${" not in value:
            result[key] = str(working_dir / Path(value).expanduser())
        else:
            result[key] = value
    return result


def _with_new_keys(stored: Any, shipped: Any) -> Any:
    """Return a stored node with the keys that it had not got when the run was started, at their shipped values."""
    return {**shipped, **stored} if isinstance(stored, dict) and isinstance(shipped, dict) else stored


def _shipped_option(group: str, choice: str | None) -> dict[str, Any]:
    """Return the keys of a group's option as it ships today; none for one that does not ship."""
    path = resource_dir("conf") / group / f"{choice}.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    content = yaml.safe_load(text)
    # An option that changes more than its group has the group's own keys inside.
    own = content.get(group, {}) if "@package _global_" in text else content
    return {key: value for key, value in own.items() if key != "defaults"}


def _read(path: Path, run_dir: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{run_dir}: holds no {path.parent.name}/{path.name}; expected a directory that a run wrote")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content
