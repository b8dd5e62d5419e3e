"""All grader types by name, and the check of the graders that a config or a simulation file asks for.

Shipped and third-party graders are found in the same way: through the entry points ``evalkit.graders``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from evalkit.errors import ConfigError
from evalkit.graders.context import GraderType
from evalkit.records.grade import GraderSpec
from evalkit.records.json import Json
from evalkit.settings.names import did_you_mean
from evalkit.settings.plugins import find_entry_points, load

GROUP = "evalkit.graders"


def _find_types() -> dict[str, GraderType]:
    """Return the grader types of every installed family. Raises ConfigError for two of one name."""
    found: dict[str, GraderType] = {}
    for point in find_entry_points(GROUP).values():
        for grader in load(point, GROUP):
            if grader.name in found:
                raise ConfigError(f"grader type {grader.name!r} is there twice; the second is of {point.value}")
            found[grader.name] = grader
    return found


GRADER_TYPES: Mapping[str, GraderType] = MappingProxyType(_find_types())


def find_grader_problems(specs: Sequence[GraderSpec]) -> list[str]:
    """Return one message for everything wrong with `specs`: ids, types, options."""
    counts = Counter(spec.grader_id for spec in specs)
    problems = [
        f"grader id {grader_id!r} is used {count} times; each grader needs an id of its own"
        for grader_id, count in counts.items()
        if count > 1
    ]
    for spec in specs:
        problems += _spec_problems(spec)
    return problems


def _spec_problems(spec: GraderSpec) -> list[str]:
    where = f"grader {spec.grader_id!r}"
    grader = GRADER_TYPES.get(spec.grader_type)
    if grader is None:
        hint = did_you_mean(spec.grader_type, GRADER_TYPES)
        return [f"{where}: type {spec.grader_type!r} is not one of {', '.join(GRADER_TYPES)}{hint}"]
    problems = [f"{where}: option {name} is required by type {grader.name!r}" for name in _missing(spec, grader)]
    for name, value in spec.options.items():
        if name not in grader.options:
            known = ", ".join(grader.options) or "none"
            problems.append(f"{where}: type {grader.name!r} has no option {name!r} (it has: {known})")
        else:
            problems += [f"{where}: option {name!r}: {message}" for message in _value_problems(value, grader, name)]
    return problems


def _missing(spec: GraderSpec, grader: GraderType) -> list[str]:
    missing = [repr(name) for name in grader.required if name not in spec.options]
    if grader.one_required and not any(name in spec.options for name in grader.one_required):
        missing.append(" or ".join(repr(name) for name in grader.one_required))
    return missing


def _value_problems(value: Json, grader: GraderType, name: str) -> list[str]:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(grader.options[name], format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [error.message for error in validator.iter_errors(value)]
