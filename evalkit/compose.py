"""The only door to Hydra and OmegaConf: command line in, plain validated-by-type dicts out.

Three steps, so that nothing starts and nothing is left behind when anything is wrong:

1. :func:`find_override_problems` checks every override against the schemas and the options in ``conf/``, all at once.
2. :func:`plan` composes every job of the line (one, or a sweep's product) without running it.
3. :func:`launch` hands the same line to Hydra, whose launcher runs each job where it likes.

The types Hydra checks while composing are generated from ``schemas/``: there is one source.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import GenericAlias
from typing import Any, NamedTuple, Optional, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from evalkit.errors import ConfigError
from evalkit.settings.names import did_you_mean
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import Schema, dereference, key_at, load_schema, run_keys
from evalkit.settings.validation import find_value_problem

_NUMBER_LIKE = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)|true|false", re.IGNORECASE)
# One element of a sweep over plain text, quoted or not; brackets, functions and interpolations are Hydra's business.
_ELEMENT = re.compile(r"""(?:"[^"\\]*"|'[^'\\]*'|[^,"'\[\]{}()$\\])+""")
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")
# A job is found again by its number and overrides, so nobody else says where it lies.
_DECIDED_HERE = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir")
_PYTHON_TYPES: Mapping[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "array": list}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where configs come from: a primary config, and folders that add options to its groups."""

    config_dir: Path
    config_name: str = "config"
    search_dirs: tuple[Path, ...] = ()


@dataclasses.dataclass(frozen=True)
class Job:
    """One job of a command line: its number in a sweep, its own overrides, and the config they compose.

    Overrides of Hydra itself (``hydra/launcher=…``) say how jobs run, not what they do, and are in no job.
    """

    number: int
    overrides: tuple[str, ...]
    config: Mapping[str, Any]

    @property
    def directory_name(self) -> str:
        """The job's folder in the root of its sweep: what ``hydra.sweep.subdir`` in ``conf/config.yaml`` makes."""
        return f"{self.number}_{slug(','.join(sorted(self.overrides)))}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a command line will run."""

    source: Source
    overrides: tuple[str, ...]
    multirun: bool
    jobs: tuple[Job, ...]


class Destination(NamedTuple):
    """Where a launched job writes, the folder that its relative paths count from, and whether it is one of many."""

    run_dir: Path
    working_dir: Path
    in_sweep: bool = False


RunJob = Callable[[Job, Destination], None]


def packaged_source(search_dirs: Sequence[str] = ()) -> Source:
    """Return the shipped ``conf/``, with `search_dirs` adding options. Raises ConfigError for a folder that is none."""
    folders = tuple(Path(folder).expanduser().resolve() for folder in search_dirs)
    missing = [f"--config-dir: {folder} is not a folder" for folder in folders if not folder.is_dir()]
    if missing:
        raise ConfigError(missing)
    return Source(resource_dir("conf"), search_dirs=folders)


def slug(text: str, limit: int = 60) -> str:
    """Return `text` as part of a directory name: safe characters, at most `limit`, a hash when anything was changed."""
    safe = _UNSAFE_IN_NAME.sub("-", text).strip("-.")[:limit]
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")


def plan(overrides: Sequence[str], source: Source, *, multirun: bool = False) -> Plan:
    """Compose every job that `overrides` ask for. Raises ConfigError with all problems; writes nothing."""
    quoted = tuple(quote_text_values(overrides))
    problems = find_override_problems(quoted, source, multirun=multirun) or _find_keys_inside_null(quoted)
    if problems:
        raise ConfigError(problems)
    with _explained(), _hydra_at(source) as search_path:
        base = hydra.compose(source.config_name, [*search_path, *_without_sweeps(quoted)], return_hydra_config=True)
        multirun = multirun or str(base.hydra.mode).endswith("MULTIRUN")
        if not multirun:
            return Plan(source, quoted, multirun, (Job(0, tuple(_without_hydra(quoted)), _plain(base)),))
        sweep_params = [f"{key}={value}" for key, value in (base.hydra.sweeper.params or {}).items()]
        jobs = tuple(
            Job(number, job, _plain(hydra.compose(source.config_name, [*search_path, *job])))
            for number, job in enumerate(_expand([*sweep_params, *_without_hydra(quoted)]))
        )
    return Plan(source, quoted, multirun, jobs)


def launch(planned: Plan, run_job: RunJob, directory: Path, *, resumed: bool = False) -> None:
    """Run every job of `planned` through Hydra's launcher, a single run in `directory`, a sweep's jobs below it.

    The jobs of a sweep that is `resumed` go where its ``plan.json`` says, whatever the line adds to their overrides.

    `run_job` must not raise: it answers with files. Raises ConfigError when Hydra itself refuses the line.
    """
    literal = _quote(str(directory))
    where = [f"hydra.sweep.dir={literal}"] if planned.multirun else [f"hydra.run.dir={literal}"]
    if resumed:
        where.append("hydra.sweep.subdir='${planned_directory:${hydra.sweep.dir},${hydra.job.num}}'")
    flags = ["-m"] if planned.multirun else []
    call_hydra([*flags, *planned.overrides, *where], planned.source, run_job)


def call_hydra(args: Sequence[str], source: Source, run_job: RunJob) -> None:
    """Give `args` to Hydra as they are (``-c job``, ``--info``, ``-sc``, or a line to run)."""
    task = functools.partial(_run_task, run_job)
    functools.update_wrapper(task, _run_task)
    entry = hydra.main(version_base="1.3", config_path=str(source.config_dir), config_name=source.config_name)(task)
    saved, sys.argv = sys.argv, ["evalkit", *args, *_search_path(source)]
    try:
        with _explained():
            entry()
    finally:
        sys.argv = saved


def _run_task(run_job: RunJob, config: DictConfig) -> None:
    settings = HydraConfig.get()
    overrides = OmegaConf.to_container(settings.overrides.task, resolve=False)
    number = 0 if OmegaConf.is_missing(settings.job, "num") else int(settings.job.num)
    job = Job(number, tuple(str(override) for override in overrides or ()), _plain(config))
    in_sweep = str(settings.mode).endswith("MULTIRUN")
    run_job(job, Destination(Path(settings.runtime.output_dir), Path(settings.runtime.cwd), in_sweep))


# --- overrides ---------------------------------------------------------------------------------------------------


def quote_text_values(overrides: Sequence[str]) -> Iterator[str]:
    """Yield `overrides`, quoting values of text keys that Hydra would read as numbers (a model called ``1e5``)."""
    for override in overrides:
        name, separator, value = override.partition("=")
        key = key_at(name.lstrip("+"))
        elements = _ELEMENT.findall(value)
        if not separator or key is None or "string" not in key.types or ",".join(elements) != value:
            yield override
        else:
            yield f"{name}={','.join(_quote_if_needed(element) for element in elements)}"


def _quote_if_needed(element: str) -> str:
    quoted = element[:1] in ("'", '"')
    return _quote(element) if not quoted and (_NUMBER_LIKE.fullmatch(element.strip()) or "=" in element) else element


def find_override_problems(overrides: Sequence[str], source: Source, *, multirun: bool = False) -> list[str]:
    """Return one message for every override that names no key, no option, or a value that is not allowed."""
    parser = OverridesParser.create()
    problems: list[str] = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            problems.append(
                f"{text}: is not key=value as Hydra reads it ({str(error).splitlines()[0]}); "
                f"put a value with special characters in quotes twice: 'key=\"value\"'"
            )
            continue
        problems += _find_problems(override, source, multirun=multirun)
    return problems


def _find_problems(override: Override, source: Source, *, multirun: bool) -> Iterator[str]:
    name = override.key_or_group
    text = str(override.input_line)
    if _is_for_hydra(text):
        if name in _DECIDED_HERE:
            yield f"{name}: is not for the line; where things are written follows from output_dir and run_name"
        return
    if override.is_delete():
        yield f"{text}: a key cannot be taken away, every key must have a value; leave it out to keep its default"
        return
    if override.is_sweep_override() and not multirun:
        yield (
            f"{text}: holds several values; for a sweep put -m first (evalkit -m {text}), "
            f"for one value with a comma quote it twice: '{name}=\"…\"'"
        )
        return
    options = _group_options(name, source)
    if options is not None:
        for value in _literal_values(override):
            if value is not None and str(value) not in options:
                yield (
                    f"{name}: {str(value)!r} is not an option{did_you_mean(str(value), options)}; "
                    f"options: {', '.join(options)}"
                )
        return
    key = key_at(name)
    if key is None:
        known = [*run_keys(), *_groups(source)]
        yield f"{name}: unknown key{did_you_mean(name, known)}; evalkit --help lists all keys"
        return
    if "$ref" in key.schema or "anyOf" in key.schema:
        return
    for value in _literal_values(override):
        if isinstance(value, str) and "${" in value:
            continue
        problem = find_value_problem(key, value)
        if problem:
            yield problem


def _find_keys_inside_null(overrides: Sequence[str]) -> list[str]:
    """Return a message for keys of a role's own provider where no override gives that role one."""
    chosen = {text.partition("=")[0].partition("@")[2] for text in overrides}
    inside = [(text, re.match(r"\+*(\w+\.provider)\.", text)) for text in overrides]
    return [
        f"{text}: {match[1]} is null until a provider is chosen for it; add provider@{match[1]}=NAME"
        for text, match in inside
        if match and match[1] not in chosen
    ]


def _literal_values(override: Override) -> list[Any]:
    """Return the values an override gives, as far as they stand on the line (a range or a glob does not)."""
    value = override.value()
    values = value.list if isinstance(value, ChoiceSweep) else [] if override.is_sweep_override() else [value]
    return [_plain_element(element) for element in values]


def _plain_element(element: Any) -> Any:
    if isinstance(element, QuotedString):
        return element.text
    return [_plain_element(item) for item in element] if isinstance(element, list) else element


def _groups(source: Source) -> list[str]:
    folders = (source.config_dir, resource_dir("conf"), *source.search_dirs)
    found = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_dir()}
    return sorted(found - {"hydra"})


def _group_options(name: str, source: Source) -> list[str] | None:
    if "." in name or name not in _groups(source):
        return None
    folders = (source.config_dir, resource_dir("conf"), *source.search_dirs)
    return sorted({path.stem for folder in folders for path in (folder / name).glob("*.yaml")})


def _without_sweeps(overrides: Sequence[str]) -> list[str]:
    parser = OverridesParser.create()
    return [text for text in overrides if not parser.parse_override(text).is_sweep_override()]


def _without_hydra(overrides: Sequence[str]) -> list[str]:
    return [text for text in overrides if not _is_for_hydra(text)]


def _is_for_hydra(override: str) -> bool:
    return re.match(r"[+~]*hydra[./@=]", override) is not None


def _expand(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the overrides of every job, in the order in which Hydra's basic sweeper numbers them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    choices: dict[str, list[str]] = {}
    for override in parser.parse_overrides(list(overrides)):
        key = override.get_key_element()
        if override.is_sweep_override():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
    return itertools.product(*choices.values())


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


# --- Hydra's side ------------------------------------------------------------------------------------------------


def _search_path(source: Source) -> list[str]:
    folders = [f"file://{folder}" for folder in source.search_dirs]
    return [f"hydra.searchpath=[{','.join(folders)}]"] if folders else []


@contextmanager
def _hydra_at(source: Source) -> Iterator[list[str]]:
    with hydra.initialize_config_dir(str(source.config_dir), version_base="1.3", job_name="evalkit"):
        yield _search_path(source)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn Hydra's and OmegaConf's exceptions into ConfigError, without search paths and without a traceback."""
    saved = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_first_lines(error)) from error
    finally:
        if saved is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = saved


def _first_lines(error: BaseException) -> str:
    """Return the words of `error` and its causes that help: the key it is about, and the reason."""
    chain = [error]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__ or error)
    full_key = next((key for link in chain if (key := getattr(link, "full_key", None))), None)
    lines = [line.strip() for line in str(error.__cause__ or error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("full_key", "object_type", "reference_type"))]
    message = " ".join(kept).split("Config search path")[0].strip()
    return f"{full_key}: {message}" if full_key else message


def _plain(config: DictConfig) -> dict[str, Any]:
    without_hydra = {key: value for key, value in config.items_ex(resolve=False) if key != "hydra"}
    masked = OmegaConf.masked_copy(config, [str(key) for key in without_hydra])
    plain = cast("dict[str, Any]", OmegaConf.to_container(masked, resolve=True, throw_on_missing=True))
    return {str(key): value for key, value in plain.items()}


def _node_type(name: str, schema: Schema) -> type:
    properties = schema["properties"].items()
    return dataclasses.make_dataclass(name.title(), [_field(key, child) for key, child in properties])


def _field(name: str, child: Schema) -> tuple[str, Any, Any]:
    if "anyOf" in child:
        referenced = next(option for option in child["anyOf"] if "$ref" in option)
        return (name, Optional[_node_type(name, dereference(referenced))], None)  # noqa: UP045  a type made at run time
    schema = dereference(child)
    if "properties" in schema:
        return (name, _node_type(name, schema), MISSING)
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kind = _PYTHON_TYPES[next(kind for kind in kinds if kind != "null")]
    if "items" in schema:
        kind = GenericAlias(list, (_PYTHON_TYPES[schema["items"]["type"]],))
    return (name, Optional[kind] if "null" in kinds else kind, MISSING)  # noqa: UP045


def _planned_directory(root: str, number: int) -> str:
    """Return the folder that the plan of the sweep in `root` gives to a job."""
    jobs = json.loads((Path(root) / "plan.json").read_text(encoding="utf-8"))["jobs"]
    return str(jobs[int(number)]["directory"])


def _register() -> None:
    """Register types and resolvers; at import, so that a launcher's worker process has them too."""
    ConfigStore.instance().store("evalkit_schema", _node_type("run", load_schema("run")))
    resolvers: Mapping[str, Callable[..., str]] = {
        "data": lambda path: str(resource_dir("data") / path),
        "slug": slug,
        "planned_directory": _planned_directory,
    }
    for name, resolver in resolvers.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)


_register()
