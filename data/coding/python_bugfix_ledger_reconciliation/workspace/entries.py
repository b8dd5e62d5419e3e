"""Entries of a bank statement or of the books."""

import csv
import re
from dataclasses import dataclass
from datetime import date

from money import parse_amount

DOTTED_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


@dataclass(frozen=True)
class Entry:
    """One movement of money; amount in cents, reference as normalized."""

    id: str
    day: date
    amount: int
    reference: str


def parse_day(text):
    """Return the date of '2024-03-31' or '31.03.2024'; raises ValueError."""
    dotted = DOTTED_DAY.fullmatch(text)
    if not dotted:
        return date.fromisoformat(text)
    year, month, day = reversed(dotted.groups())
    return date(int(year), int(month), int(day))


def normalize_reference(text):
    """Return a reference as it is compared: its letters and digits, in upper case."""
    return "".join(character for character in text if character.isalnum())


def read_entries(lines):
    """Return the entries of CSV lines: id, date, amount and perhaps reference. Raises ValueError."""
    entries = []
    seen = set()
    for number, row in enumerate(csv.reader(lines), start=1):
        fields = [field.strip() for field in row]
        if not any(fields):
            continue
        if len(fields) not in (3, 4) or not fields[0]:
            raise ValueError(f"line {number}: id, date, amount and perhaps reference")
        if fields[0] in seen:
            raise ValueError(f"line {number}: id {fields[0]} again")
        seen.add(fields[0])
        reference = normalize_reference(fields[3]) if len(fields) == 4 else ""
        entries.append(Entry(fields[0], parse_day(fields[1]), parse_amount(fields[2]), reference))
    return entries
