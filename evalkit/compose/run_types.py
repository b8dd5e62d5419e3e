"""The types that Hydra checks while composing, generated from ``schemas/``, and the resolvers that configs use.

A mode's types are made when a config of it is composed, or a worker process is handed such a config: those of all modes
took a sixth of the start of every command.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import GenericAlias
from typing import Any, Optional

from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import MISSING, OmegaConf

from evalkit.settings.plugins import plugin_folders
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import Schema, dereference, load_schema, run_schema, schema_names
from evalkit.store.file_system import require_shared

_GROUP = "schema"
_PYTHON_TYPES: Mapping[str, Any] = {
    "string": str, "integer": int, "number": float, "boolean": bool, "array": list, "object": dict,
}  # fmt: skip


def register() -> None:
    """Register types and resolvers: an option of group ``schema`` for each mode, which the mode's own option pulls in.

    A mode that has other keys for another input has a further one for that.

    Called where this module is imported, so that a launcher's worker process has them too.
    """
    ConfigStore.instance().repo[_GROUP] = _Schemas({f"{mode}.yaml": None for mode in schema_names()})
    resolvers: Mapping[str, Callable[..., str]] = {
        "data": lambda path: str(find_data(path)),
        "planned_directory": _planned_directory,
    }
    for name, resolver in resolvers.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)


class _Schemas(dict[str, Any]):
    """What Hydra's store has of the group ``schema``: options that are made when one is asked for.

    They are not kept in here, since Hydra copies its store, and all that it holds, for every config.
    """

    def __getitem__(self, file: str) -> Any:
        return super().__getitem__(file) or _make_option(file)


@cache
def _make_option(file: str) -> ConfigNode:
    """Return an option of the group, which Hydra copies before it changes anything of it."""
    types = OmegaConf.structured(_run_type(file.removesuffix(".yaml")))
    return ConfigNode(name=file, node=types, group=_GROUP, package="_global_", provider=None)


def __getattr__(name: str) -> Any:
    """Return the type of that name, by which a worker process asks for it. Raises AttributeError for any other name."""
    if not name.startswith("_"):
        for mode in schema_names():
            _run_type(mode)
    try:
        return globals()[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def find_data(path: str) -> Path:
    """Return a file of ``data/``: the shipped one, else a plugin's."""
    shipped = resource_dir("data") / path
    added = (folder / path for folder in plugin_folders("data"))
    return shipped if shipped.exists() else next((found for found in added if found.exists()), shipped)


def _planned_directory(root: str, number: int) -> str:
    """Return the folder that the plan of the sweep in `root` gives to a job.

    Raises ConfigError on a machine that does not see the sweep.
    """
    require_shared(Path(root))
    path = Path(root) / "plan.json"
    stat = path.stat()
    return _read_directories(path, stat.st_mtime_ns, stat.st_size)[int(number)]


@lru_cache(maxsize=4)
def _read_directories(path: Path, *_: int) -> list[str]:
    """Return the folder of each job of a plan, which is read once in a process unless it changes."""
    return [str(job["directory"]) for job in json.loads(path.read_text(encoding="utf-8"))["jobs"]]


@cache
def _run_type(mode: str) -> type:
    """Return the type of the whole config of `mode`, or of one of its inputs."""
    return _node_type(f"{mode}_run", run_schema(mode))


@cache
def _shared_type(name: str) -> type:
    """Return the type of the nodes that refer to the schema `name`, whichever mode or role they belong to."""
    return _node_type(name, load_schema(name))


def _node_type(path: str, schema: Schema) -> type:
    """Return the type of the node at `path`, as a name of this module: a worker process finds types by their names."""
    name = "".join(part.title() for part in re.split(r"[._]", path))
    fields = [_field(f"{path}.{key}", child) for key, child in schema["properties"].items()]
    # Hydra reads the fields and makes no instance.
    made = dataclasses.make_dataclass(
        name, fields, namespace={"__module__": __name__}, init=False, repr=False, eq=False, match_args=False
    )
    globals()[name] = made
    return made


def _field(path: str, child: Schema) -> tuple[str, Any, Any]:
    name = path.rpartition(".")[2]
    if "anyOf" in child:
        referenced = next(option for option in child["anyOf"] if "$ref" in option)
        return (name, Optional[_referenced_type(path, referenced)], None)  # noqa: UP045  a type made at run time
    schema = dereference(child)
    if "properties" in schema:
        return (name, _referenced_type(path, child), MISSING)
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kind = _PYTHON_TYPES[next(kind for kind in kinds if kind != "null")]
    if "items" in schema:
        kind = GenericAlias(list, (_PYTHON_TYPES[schema["items"]["type"]],))
    if "additionalProperties" in schema:
        of = schema["additionalProperties"]["type"]  # of several types, which one it is shows in the check
        kind = GenericAlias(dict, (str, _PYTHON_TYPES[of] if isinstance(of, str) else Any))
    # A key that came later has a default in its schema, for presets of others and runs stored before it was there.
    return (name, Optional[kind] if "null" in kinds else kind, schema.get("default", MISSING))  # noqa: UP045


def _referenced_type(path: str, child: Schema) -> type:
    reference = child.get("$ref")
    return _shared_type(str(reference).removesuffix(".schema.json")) if reference else _node_type(path, child)


register()
