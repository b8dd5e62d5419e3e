"""Overrides as people type them: quoted where Hydra would misread them, and checked against schemas and options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException

from evalkit.compose.launchers import LAUNCHER, find_unknown_launcher
from evalkit.runner.jobs import Source
from evalkit.settings.names import did_you_mean
from evalkit.settings.options import list_groups
from evalkit.settings.renamed import renaming_problem
from evalkit.settings.schemas import DEFAULT_INPUT, all_keys, key_at, mode_names
from evalkit.settings.validation import find_value_problem

_NUMBER_LIKE = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)|true|false", re.IGNORECASE)
# One element of a sweep over plain text, quoted or not; brackets, functions and interpolations are Hydra's business.
_ELEMENT = re.compile(r"""(?:"[^"\\]*"|'[^'\\]*'|[^,"'\[\]{}()$\\])+""")
# A job is found again by its number and overrides, so its directory cannot be chosen by the user.
_SWEEPER = "hydra/sweeper"
_PRESETS = ("realism", "experiment")
"""Groups whose options may choose other groups' options."""
_DECIDED_HERE = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir")


def quote_text_values(overrides: Sequence[str]) -> Iterator[str]:
    """Yield `overrides`, quoting values of text keys that Hydra would read as numbers (a model called ``1e5``)."""
    for override in overrides:
        name, separator, value = override.partition("=")
        key = key_at(name.lstrip("+"))
        elements = _ELEMENT.findall(value)
        is_text = key is not None and set(key.types) - {"null"} == {"string"}
        if not separator or not is_text or ",".join(elements) != value:
            yield override
        else:
            yield f"{name}={','.join(_quote_if_needed(element) for element in elements)}"


def _quote_if_needed(element: str) -> str:
    quoted = element[:1] in ("'", '"')
    return quote(element) if not quoted and (_NUMBER_LIKE.fullmatch(element.strip()) or "=" in element) else element


def find_override_problems(overrides: Sequence[str], source: Source, *, multirun: bool = False) -> list[str]:
    """Return one message for every override that names no key, no option, or a value that is not allowed."""
    problems: list[str] = []
    groups = list_groups((source.config_dir, *source.search_dirs))
    for text in overrides:
        try:
            override = _parse(text)
        except HydraException as error:
            shown = _without_password(text)
            why = f" ({str(error).splitlines()[0]})" if shown == text else ""
            problems.append(
                f"{shown}: is not key=value as Hydra reads it{why}; "
                f"put a value with special characters in quotes twice: 'key=\"value\"'"
            )
            continue
        if not _is_for_hydra(text):
            problems += _find_problems(override, groups, multirun=multirun)
        elif override.key_or_group == _SWEEPER and override.value() != "basic":
            problems.append(
                f"{text}: evalkit knows every job of a sweep before it starts the first, and a search does not; "
                "write the values to try (docs/sweeps.md says how to search from outside)"
            )
        elif override.key_or_group == LAUNCHER:
            problems += filter(None, (_find_launcher_problem(value, source) for value in _literal_values(override)))
        elif override.key_or_group in _DECIDED_HERE:
            problems.append(
                f"{text}: is not for the line; where things are written follows from output_dir and run_name"
            )
    return problems


def _find_launcher_problem(name: Any, source: Source) -> str | None:
    return find_unknown_launcher(str(name), (source.config_dir, *source.search_dirs))


def _find_problems(override: Override, groups: Mapping[str, Sequence[str]], *, multirun: bool) -> Iterator[str]:
    name = override.key_or_group
    text = _without_password(str(override.input_line))
    if override.is_delete():
        yield f"{text}: a key cannot be taken away, every key must have a value; leave it out to keep its default"
        return
    if override.is_sweep_override() and not multirun:
        yield (
            f"{text}: holds several values; for a sweep put -m first (evalkit -m {text}), "
            f"for one value with a comma quote it twice: '{name}=\"…\"'"
        )
        return
    options = groups.get(name)
    if options is not None:
        yield from _find_choice_problems(name, _literal_values(override), options)
        return
    key = key_at(name)
    if key is None:
        renamed = renaming_problem(name, text.partition("=")[2])
        if renamed is not None:
            yield renamed
            return
        known = [*all_keys(), *groups]
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


def _find_choice_problems(group: str, values: Sequence[Any], options: Sequence[str]) -> Iterator[str]:
    for value in values:
        if value is None:  # Hydra has no way to say so
            yield f"{group}: null is not an option; leave it out to keep what it is; options: {', '.join(options)}"
        elif str(value) not in options:
            hint = did_you_mean(str(value), options)
            yield f"{group}: {str(value)!r} is not an option{hint}; options: {', '.join(options)}"


def find_keys_inside_null(overrides: Sequence[str]) -> list[str]:
    """Return a message for keys of a role's own provider where no override gives that role one."""
    chosen = {text.partition("=")[0].partition("@")[2] for text in overrides}
    inside = [(text, re.match(r"\+*(\w+\.provider)\.", text)) for text in overrides]
    return [
        f"{text}: {match[1]} is null until a provider is chosen for it; add provider@{match[1]}=NAME"
        for text, match in inside
        if match and match[1] not in chosen
    ]


def find_keys_of_other_modes(overrides: Sequence[str], mode: str, schema: str) -> list[str]:
    """Return a message for every override of a key or group that `schema` has not, and some other one has.

    `schema` is that of the config of `mode`, which may have another input than the mode's own.
    """
    problems = []
    for text in without_hydra(overrides):
        name = text.partition("=")[0].lstrip("+~").rpartition("@")[2]
        if name in _PRESETS or name == "mode" or key_at(name, schema) is not None:
            continue
        if key_at(name, mode) is not None:
            chosen = schema.removeprefix(f"{mode}.")
            problems.append(
                f"{text}: input={chosen} has no {name}, for nothing of sound is made, sent or needed; leave it out, "
                f"or take input={DEFAULT_INPUT}"
            )
            continue
        others = [other for other in mode_names() if key_at(name, other) is not None]
        if others:
            problems.append(f"{text}: mode={mode} has no {name}; modes that have it: {', '.join(others)}")
    return problems


def _literal_values(override: Override) -> list[Any]:
    """Return the values an override gives, as far as they stand on the line (a range or a glob does not)."""
    value = override.value()
    values = value.list if isinstance(value, ChoiceSweep) else [] if override.is_sweep_override() else [value]
    return [_plain_element(element) for element in values]


def _plain_element(element: Any) -> Any:
    if isinstance(element, QuotedString):
        return element.text
    return [_plain_element(item) for item in element] if isinstance(element, list) else element


@lru_cache(maxsize=1024)
def _parse(text: str) -> Override:
    """Return an override as Hydra reads it, which takes milliseconds. Raises HydraException for what is none."""
    return OverridesParser.create().parse_override(text)


def without_sweeps(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that give one value."""
    return [text for text in overrides if not _parse(text).is_sweep_override()]


def of_all_jobs(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that decide how jobs run and which mode's keys they have: Hydra's own, mode and presets.

    Of several values the first: a launcher is the same for all jobs.
    """
    found = []
    for text in overrides:
        override = _parse(text)
        if _is_for_hydra(text):
            found.append(text)
        elif override.key_or_group in ("mode", *_PRESETS):
            values = _literal_values(override)
            found += [f"{override.key_or_group}={values[0]}"] if values else []
    return found


def without_hydra(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that are not for Hydra itself."""
    return [text for text in overrides if not _is_for_hydra(text)]


def without_replaced_launchers(overrides: Sequence[str]) -> list[str]:
    """Return `overrides` without the launchers that a later one replaces, and without those launchers' settings."""
    chosen = [place for place, text in enumerate(overrides) if text.startswith("hydra/launcher=")]
    last = chosen[-1] if len(chosen) > 1 else -1
    return [
        text
        for place, text in enumerate(overrides)
        if place >= last or not text.lstrip("+").startswith(("hydra/launcher=", "hydra.launcher."))
    ]


def _is_for_hydra(override: str) -> bool:
    return re.match(r"[+~]*hydra[./@=]", override) is not None


def _without_password(text: str) -> str:
    """Return an override without what stands before the @ of a URL."""
    return re.sub(r"(:/*)\S*@", r"\1…@", text)


def quote(text: str) -> str:
    """Return `text` as one value of an override, whatever characters it has."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
