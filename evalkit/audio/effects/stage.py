"""What the stages of a channel share: their signal, their result, their settings and their randomness.

A stage's settings are a frozen dataclass of plain values, each declared with its unit and range by :func:`number`;
`read_settings` fills such a dataclass from a config document and collects every problem it finds.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
"""Samples on the int16 scale, not yet rounded or limited."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class StageOutput:
    """The signal after a stage, and the stage's measurements.

    Attributes:
        signal: As many samples as came in.
        measures: Numbers by name, with units in the names.

    """

    signal: Signal
    measures: dict[str, float]


def number(default: float, low: float, high: float, unit: str) -> Any:
    """Declare a setting of a stage, with the range that is allowed."""
    return field(default=default, metadata={"low": low, "high": high, "unit": unit})


def make_generator(seed: int, stage: str) -> np.random.Generator:
    """Return the randomness of one stage: switching a stage on or off does not change what the others draw."""
    entropy = [int(seed < 0), abs(seed), zlib.crc32(stage.encode())]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def read_settings(settings: type[T], document: Mapping[str, object], where: str, problems: list[str]) -> T:
    """Return `settings` filled from `document`, absent keys at their defaults; what is wrong goes into `problems`."""
    known = {each.name: each for each in fields(cast("Any", settings))}
    allowed = ", ".join(known)
    problems += [f"{where}.{key}: unknown key; allowed: {allowed}; rename it" for key in document.keys() - known.keys()]
    values: dict[str, object] = {}
    for key, declared in known.items():
        if key not in document:
            continue
        default = _default_of(declared)
        value, path = document[key], f"{where}.{key}"
        if is_dataclass(default):
            if isinstance(value, Mapping):
                values[key] = read_settings(type(default), value, path, problems)
            else:
                problems.append(f"{path}: {value!r} is not a mapping; give the stage's keys")
        else:
            values[key] = _read_value(value, default, declared.metadata, path, problems)
    return settings(**values)


def _default_of(declared: Any) -> object:
    return declared.default_factory() if callable(declared.default_factory) else declared.default


def _read_value(value: object, default: object, limits: Mapping[str, Any], path: str, problems: list[str]) -> object:
    if isinstance(default, Enum):
        try:
            return type(default)(value)
        except ValueError:
            allowed = ", ".join(str(each.value) for each in type(default))
            problems.append(f"{path}: {value!r} is not one of {allowed}")
            return default
    if limits:
        low, high, unit = limits["low"], limits["high"], limits["unit"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            problems.append(f"{path}: {value!r} is not between {low:g} and {high:g} ({unit})")
            return default
        return float(value)
    if not isinstance(value, type(default)):
        problems.append(f"{path}: {value!r} is not of type {type(default).__name__}")
        return default
    return value
