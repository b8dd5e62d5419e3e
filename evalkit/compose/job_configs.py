"""The configs of a sweep's jobs: Hydra composes one for each choice of groups, and the others differ by values alone.

Composing takes tens of milliseconds, and jobs of a sweep that choose the same options differ in a few plain values.
Those are written into the config that Hydra composed for the first of such jobs, by the code of Hydra's that writes the
overrides of a line into a config, so that types, conversions and refusals are Hydra's own. What is more than the value
of a key that is there (``+key=…``, a whole node, an interpolation) is left to composing, and so is every job that is
refused, in whatever way: what is said of it is what composing it alone says.

Jobs share the nodes in which they do not differ; nobody may change them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, Node, OmegaConf, ValueNode

Compose = Callable[[Sequence[str]], DictConfig]
"""Returns the config of a job, without Hydra's own node."""

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")
# A shipped file is the same one whatever the values of other keys are.
_CONSTANT = re.compile(r"\$\{data:[\w./-]+\}")
_Path = tuple[str, ...]


@dataclass(frozen=True)
class JobConfig:
    """One job: its overrides, and the config they compose, plain and resolved."""

    overrides: tuple[str, ...]
    config: dict[str, Any]


def compose_jobs(
    choices: Mapping[str, Sequence[str]], compose: Compose, is_group: Callable[[str], bool]
) -> list[JobConfig]:
    """Return every combination of `choices`, the last key varying first.

    Args:
        choices: Of each key (or group) its overrides, of which a job has one; Hydra's own are not among them.
        compose: Composes one job by itself.
        is_group: Whether a name is that of a group of options.

    Raises what `compose` does for the first job that it refuses.

    """
    jobs = list(product(*choices.values()))
    values = _read_values(choices, is_group)
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, job in enumerate(jobs):
        alike.setdefault(tuple(text for text in job if text not in values), []).append(place)
    configs: dict[int, dict[str, Any]] = {}
    for places in alike.values():
        with suppress(Exception):
            configs |= _compose_alike(jobs, places, compose, values)
    return [
        JobConfig(job, configs[place] if place in configs else plain(compose(job))) for place, job in enumerate(jobs)
    ]


def plain(config: DictConfig) -> dict[str, Any]:
    """Return `config` without Hydra's own node, resolved, as plain types."""
    without_hydra = {key: value for key, value in config.items_ex(resolve=False) if key != "hydra"}
    masked = OmegaConf.masked_copy(config, [str(key) for key in without_hydra])
    plain = cast("dict[str, Any]", OmegaConf.to_container(masked, resolve=True, throw_on_missing=True))
    return {str(key): value for key, value in plain.items()}


def _read_values(choices: Mapping[str, Sequence[str]], is_group: Callable[[str], bool]) -> dict[str, Override]:
    """Return, as Hydra reads them, the overrides that give a key its values, where nothing else is about that key."""
    names = [name.lstrip("+~") for name in choices]
    found: dict[str, Override] = {}
    for key, texts in choices.items():
        is_alone = sum(_overlap(key, name) for name in names) == 1
        if len(texts) > 1 and _KEY.fullmatch(key) and is_alone and not is_group(key):
            read = _parse_values(texts)
            kinds = {isinstance(override.value(), list) for override in read.values()}
            if len(kinds) == 1 and all(map(_is_plain_value, read.values())):
                found |= read
    return found


def _overlap(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}.") or other.startswith(f"{key}.")


def _parse_values(texts: Sequence[str]) -> dict[str, Override]:
    """Return the overrides of one key; whole numbers are read without Hydra's parser, which takes a millisecond."""
    parser = OverridesParser.create()
    first = parser.parse_override(texts[0])
    numbers = {text: text.partition("=")[2] for text in texts}
    return {
        text: replace(first, _value=int(value), input_line=text)
        if _WHOLE_NUMBER.fullmatch(value)
        else parser.parse_override(text)
        for text, value in numbers.items()
    }


def _is_plain_value(override: Override) -> bool:
    value = override.value()
    elements = value if isinstance(value, list) else [value]
    return all(
        element is None
        or isinstance(element, bool | int | float)
        or (isinstance(element, str) and "${" not in element and element != "???")
        for element in elements
    )


def _compose_alike(
    jobs: Sequence[tuple[str, ...]], places: Sequence[int], compose: Compose, values: Mapping[str, Override]
) -> dict[int, dict[str, Any]]:
    """Return, by place, the configs of jobs that differ in nothing but `values`; those that are refused are not in it.

    Raises what composing the first does.
    """
    first, *others = places
    config = compose(jobs[first])
    composed = plain(config)
    configs = {first: composed}
    keys = [tuple(text.partition("=")[0].split(".")) for text in jobs[first] if text in values]
    if not others or not all(_is_value(config, key) for key in keys):
        return configs
    read = [*keys, *_find_interpolations(config)]
    for place in others:
        with suppress(Exception):
            overrides = [values[text] for text in jobs[place] if text in values]
            ConfigLoaderImpl._apply_overrides_to_config(overrides, config)  # noqa: SLF001  how Hydra itself does it
            configs[place] = _with_values(composed, {path: _read_plain(config, path) for path in read})
    return configs


def _is_value(config: DictConfig, path: _Path) -> bool:
    """Tell whether there is a value at `path`, or a list of values, and no node or interpolation above it."""
    node: Any = config
    for name in path:
        if not isinstance(node, DictConfig) or node._is_none() or node._is_interpolation():  # noqa: SLF001
            return False
        node = node._get_node(name)  # noqa: SLF001
    return isinstance(node, ValueNode | ListConfig) and not node._is_interpolation()  # noqa: SLF001


def _find_interpolations(node: Node, path: _Path = ()) -> Iterator[_Path]:
    """Yield where in `node` a value may follow from others."""
    if node._is_interpolation():  # noqa: SLF001
        if not _CONSTANT.fullmatch(str(node._value())):  # noqa: SLF001
            yield path
    elif isinstance(node, ListConfig) and OmegaConf.to_container(node) != OmegaConf.to_container(node, resolve=True):
        yield path
    elif isinstance(node, DictConfig) and not node._is_none():  # noqa: SLF001
        for name in node:
            yield from _find_interpolations(cast("Node", node._get_node(name)), (*path, str(name)))  # noqa: SLF001


def _read_plain(config: DictConfig, path: _Path) -> Any:
    node: Any = config
    for name in path:
        node = node._get_node(name)  # noqa: SLF001
    node = node._maybe_dereference_node(throw_on_resolution_failure=True)  # noqa: SLF001
    if isinstance(node, DictConfig | ListConfig):
        return OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
    return node._value()  # noqa: SLF001


def _with_values(composed: Mapping[str, Any], values: Mapping[_Path, Any]) -> dict[str, Any]:
    """Return `composed` with other values at some paths; nodes without any are the same objects."""
    result = dict(composed)
    below: dict[str, dict[_Path, Any]] = {}
    for (name, *rest), value in values.items():
        if rest:
            below.setdefault(name, {})[tuple(rest)] = value
        else:
            result[name] = value
    return {**result, **{name: _with_values(composed[name], inner) for name, inner in below.items()}}
