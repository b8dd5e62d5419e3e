"""Reads weather observations from text, one a line: `2024-03-01T06:00;Oslo;temp=-3.5;wind=12;rain=0.4`."""

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

KINDS = ("temp", "wind", "rain")  # degrees Celsius, km/h, mm
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True)
class Observation:
    """What one station saw at one time; readings holds the kinds that were measured, as exact fractions."""

    time: str  # 2024-03-01T06:00
    station: str
    readings: dict


class BadLine(ValueError):
    """A line that is no observation; its text is the reason."""


def read_reading(field):
    """Return (kind, value) of a field such as 'temp=-3.5'."""
    kind, equals, number = field.partition("=")
    if not equals or kind not in KINDS:
        raise BadLine(f"unknown reading {field}")
    if not NUMBER.fullmatch(number):
        raise BadLine(f"bad number {number}")
    value = Fraction(number)
    if value < 0 and kind != "temp":
        raise BadLine(f"negative {kind}")
    return kind, value


def read_line(line):
    """Return the observation of a line; raises BadLine."""
    time, *rest = (field.strip() for field in line.split(";"))
    if not TIME.fullmatch(time):
        raise BadLine("bad time")
    try:
        datetime.strptime(time, "%Y-%m-%dT%H:%M")
    except ValueError:
        raise BadLine("bad time") from None
    if not rest or not rest[0]:
        raise BadLine("no station")
    readings = {}
    for field in rest[1:]:
        kind, value = read_reading(field)
        if kind in readings:
            raise BadLine(f"{kind} given twice")
        readings[kind] = value
    return Observation(time, rest[0], readings)


def read_observations(text):
    """Return (observations, complaints): what was read in order, and 'line N: reason' for each bad line."""
    observations, complaints = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            observations.append(read_line(line))
        except BadLine as reason:
            complaints.append(f"line {number}: {reason}")
    return observations, complaints
