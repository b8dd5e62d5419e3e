"""The launch form, made from the schemas and the options of the groups: what may be chosen, and what each key means.

It has no defaults of its own. What a key is when nobody says so, the composed config tells, as for the command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from evalkit.settings.help import DEFAULT_MODE
from evalkit.settings.options import list_groups, option_folders
from evalkit.settings.roles import ROLES
from evalkit.settings.schemas import Key, dereference, key_at, mode_names, run_keys, run_nodes, run_schema

_PLAIN = ""
# A key that the form asks for in a place of its own.
_APART = frozenset({"mode.name", "output_dir"})
_NOT_GROUPS = frozenset({"mode", "experiment"})
_OPEN_NODES = (_PLAIN, "mode", "assistant")
_LAUNCHER = "hydra/launcher"


@dataclass(frozen=True)
class FormOption:
    """One option of a group, by name, and what its file says of it."""

    name: str
    says: str


@dataclass(frozen=True)
class FormField:
    """One thing that may be set.

    Attributes:
        path: The key, or the group, as it stands on a line.
        description: What it means, with its unit.
        allowed: What is allowed, in words; empty for a group.
        options: What it may be, where that is a list.
        is_text: Whether a value of it is text, so that special characters are quoted.
        is_list: Whether its value is a list, in brackets.

    """

    path: str
    description: str
    allowed: str = ""
    options: tuple[FormOption, ...] = ()
    is_text: bool = False
    is_list: bool = False

    @property
    def label(self) -> str:
        """What it is called beside the others of its node."""
        return self.path.partition(".")[2] or self.path


@dataclass(frozen=True)
class FormNode:
    """Fields that belong together.

    Attributes:
        name: The node of the config; empty for the plain keys.
        description: What it is about.
        fields: In the schema's order.
        is_open: Whether it is shown at once.

    """

    name: str
    description: str
    fields: tuple[FormField, ...]
    is_open: bool


@dataclass(frozen=True)
class LaunchForm:
    """The form of one mode."""

    mode: str
    modes: tuple[FormOption, ...]
    presets: tuple[FormOption, ...]
    groups: tuple[FormField, ...]
    nodes: tuple[FormNode, ...]


@cache
def make_form(mode: str = DEFAULT_MODE) -> LaunchForm:
    """Return the form of `mode`. Raises KeyError where there is no such mode."""
    if mode not in mode_names():
        raise KeyError(mode)
    modes = tuple(FormOption(option.name, option.says) for option in _options("mode") if option.name in mode_names())
    return LaunchForm(mode, modes, _options("experiment"), tuple(_groups(mode)), tuple(_nodes(mode)))


def _groups(mode: str) -> Iterator[FormField]:
    properties = run_schema(mode)["properties"]
    names = [name for name in list_groups() if name in properties and name not in _NOT_GROUPS]
    for name in sorted(names, key=lambda name: name != "provider"):
        yield FormField(name, str(dereference(properties[name])["description"]), options=_options(name))
    for role in ROLES:
        key = key_at(f"{role}.provider", mode) if role in properties else None
        if key is not None:
            yield FormField(
                f"provider@{role}.provider",
                f"The {role}'s own provider; null: the one that all share.",
                options=_options("provider"),
            )
    launchers = ["basic", *(["joblib"] if find_spec("joblib") and find_spec("hydra_plugins") else [])]
    yield FormField(
        _LAUNCHER,
        "How the jobs of a sweep run: basic, one after the other; joblib, several at a time.",
        options=tuple(FormOption(name, "") for name in launchers),
    )


def _nodes(mode: str) -> Iterator[FormNode]:
    fields: dict[str, list[FormField]] = {node: [] for node in _OPEN_NODES}
    for path, key in run_keys(mode).items():
        if path not in _APART and path not in list_groups():  # a choice of an option is a group's
            node = path.partition(".")[0] if path.partition(".")[0] in run_nodes(mode) else _PLAIN
            fields.setdefault(node, []).append(_field(path, key))
    for node, members in fields.items():
        schema = run_schema(mode)["properties"].get(node, {})
        says = str(dereference(schema).get("description", "")) if node else "What every run has."
        if members:
            yield FormNode(node, says, tuple(members), node in _OPEN_NODES)


def _field(path: str, key: Key) -> FormField:
    values = [*key.schema.get("enum", ()), *key.schema.get("items", {}).get("enum", ())]
    values += ["true", "false"] if "boolean" in key.types else []
    return FormField(
        path,
        key.description,
        key.allowed,
        tuple(FormOption("null" if value is None else str(value), "") for value in values),
        is_text="string" in key.types and "enum" not in key.schema,
        is_list="array" in key.types,
    )


def _options(group: str) -> tuple[FormOption, ...]:
    files: Mapping[str, Path] = {
        path.stem: path for folder in option_folders() for path in sorted((folder / group).glob("*.yaml"))
    }
    return tuple(FormOption(name, _says(files[name])) for name in list_groups().get(group, ()) if name in files)


def _says(path: Path) -> str:
    """Return what an option's file says of it in its first lines of comment, but for what Hydra reads there."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        text = line.lstrip("# ").rstrip()
        if not text.startswith(("@package", "evalkit ")):
            lines.append(text)
    return " ".join(lines)
