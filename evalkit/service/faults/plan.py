"""A fault plan: rules as data, written as one line or as JSON. Standard library only, because commands check plans.

::

    close@mid_response/code:1011/share:0.3/times:1 + rate_limited/retry_after:2 + flaky
    ─────┬──────────── ───┬────── ─────────────────
      the fault, and   parameters                  rules are joined by +; a preset stands for its rules
      its `at`

    [{"fault": "close", "at": "mid_response", "code": 1011, "share": 0.3, "times": 1}, …]

The line needs no quotes in a Hydra override: ``=`` and ``,`` have a meaning there, ``/`` and ``:`` have none. What the
line cannot hold is written as in a URL (``%2F``). :attr:`FaultPlan.line` is the one line that means the same as any way
to write a plan, so that equal plans are equal text.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from evalkit.errors import ConfigError
from evalkit.service.faults.catalogue import FAULTS, PRESETS, Parameter, Value, Where, parameters_of

FILE_SUFFIX = ".json"
_PLAIN = " _-.~"


@dataclass(frozen=True)
class FaultRule:
    """One fault and whom it hits. `values` has every parameter that was given; :meth:`get` knows the defaults too."""

    fault: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def where(self) -> Where:
        """Where it strikes."""
        return FAULTS[self.fault].where

    def get(self, name: str) -> Any:
        """Return the value of a parameter, its default when none was given."""
        return self.values.get(name, parameters_of(self.fault)[name].default)

    @property
    def line(self) -> str:
        """The rule as text."""
        values = dict(self.values)
        at = f"@{values.pop('at')}" if "at" in values else ""
        given = (f"/{name}:{quote(_shown(value), safe=_PLAIN)}" for name, value in sorted(values.items()))
        return f"{self.fault}{at}{''.join(given)}"


@dataclass(frozen=True)
class FaultPlan:
    """All rules of a service, in their order."""

    rules: tuple[FaultRule, ...] = ()

    @property
    def line(self) -> str:
        """The plan as text."""
        return "+".join(rule.line for rule in self.rules)

    def at(self, where: Where) -> list[tuple[int, FaultRule]]:
        """Return the rules that strike there, with their numbers from 0."""
        return [(number, rule) for number, rule in enumerate(self.rules) if rule.where is where]


def read_plan(text: str, folder: Path) -> FaultPlan:
    """Return the plan that `text` is, or that the JSON file it names holds. Raises ConfigError with all problems."""
    if not text.strip().endswith(FILE_SUFFIX):
        return parse_plan(text)
    path = folder / Path(text.strip()).expanduser()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"service.faults: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigError(f"service.faults: {path} is not JSON ({error})") from error
    return plan_from_json(document, str(path))


def parse_plan(text: str) -> FaultPlan:
    """Return the plan that one line of text describes. Raises ConfigError with all problems."""
    problems: list[str] = []
    rules: list[FaultRule] = []
    for part in (part.strip() for part in text.split("+")):
        if part in PRESETS:
            rules += parse_plan(PRESETS[part]).rules
        else:
            rules += _read_rule(*_split(part, problems), problems)
    return _checked(rules, problems, "service.faults")


def plan_from_json(document: object, where: str) -> FaultPlan:
    """Return the plan that a JSON list of rules describes; `where` names its source. Raises ConfigError."""
    if not isinstance(document, list):
        raise ConfigError(f"service.faults: {where} must be a list of rules, [{{'fault': 'stall'}}, …]")
    problems: list[str] = []
    rules: list[FaultRule] = []
    for number, entry in enumerate(document, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("fault"), str):
            problems.append(f"rule #{number}: must be an object with a fault, {{'fault': 'stall'}}")
            continue
        values = {name: value for name, value in entry.items() if name != "fault"}
        rules += _read_rule(entry["fault"], values, problems)
    return _checked(rules, problems, f"service.faults: {where}")


def _checked(rules: Sequence[FaultRule], problems: Sequence[str], where: str) -> FaultPlan:
    if problems:
        raise ConfigError([f"{where}: {problem}" for problem in problems])
    if not rules:
        raise ConfigError(f"{where}: no rule at all; leave service.faults null for a service without faults")
    return FaultPlan(tuple(rules))


def _split(part: str, problems: list[str]) -> tuple[str, dict[str, Any]]:
    """Return the fault and the raw parameters of one rule in text."""
    head, *pieces = part.split("/")
    name, _, at = head.partition("@")
    values: dict[str, Any] = {"at": at} if at else {}
    for piece in pieces:
        key, colon, value = piece.partition(":")
        if not colon:
            problems.append(f"{part!r}: {piece!r} is not a parameter; write /NAME:VALUE, for example /times:1")
        else:
            values[key.strip()] = unquote(value.strip())
    return name.strip(), values


def _read_rule(fault: str, given: Mapping[str, Any], problems: list[str]) -> list[FaultRule]:
    if fault not in FAULTS:
        known = (*FAULTS, *PRESETS)
        hint = _nearest(fault, known)
        problems.append(f"{fault!r} is not a fault{hint}; there are {', '.join(FAULTS)}; presets: {', '.join(PRESETS)}")
        return []
    known_parameters = parameters_of(fault)
    values: dict[str, Value] = {}
    for name, value in given.items():
        if name not in known_parameters:
            hint = _nearest(name, known_parameters)
            problems.append(f"{fault}: {name!r} is not a parameter{hint}; it has {', '.join(known_parameters)}")
            continue
        read = _read_value(known_parameters[name], value)
        if read is None:
            problems.append(f"{fault}: {name}: {value!r} is not allowed; expected {allowed(known_parameters[name])}")
        else:
            values[name] = read
    return [FaultRule(fault, values)]


def _read_value(parameter: Parameter, given: object) -> Value | None:
    """Return the value that `given` (JSON, or text) is, None for one that is not allowed."""
    if parameter.kind is str:
        is_fine = isinstance(given, str) and given and (not parameter.options or given in parameter.options)
        return given if is_fine and isinstance(given, str) else None
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return None
    if parameter.kind is int and isinstance(given, float):
        return None
    try:
        number: int | float = int(given) if parameter.kind is int else float(given)
    except ValueError:
        return None
    low, high = parameter.minimum, parameter.maximum
    return number if (low is None or number >= low) and (high is None or number <= high) else None


def allowed(parameter: Parameter) -> str:
    """Return what a parameter may be, in words."""
    if parameter.options:
        return " | ".join(parameter.options)
    words = {str: "text", int: "a whole number", float: "a number"}[parameter.kind]
    bounds = [f"≥ {parameter.minimum:g}"] if parameter.minimum is not None else []
    bounds += [f"≤ {parameter.maximum:g}"] if parameter.maximum is not None else []
    return " ".join([words, *bounds])


def _shown(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _nearest(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
