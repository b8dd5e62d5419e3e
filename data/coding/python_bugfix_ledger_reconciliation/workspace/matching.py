"""Finds out which entries of a bank statement are which entries of the books."""

from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Match:
    """Entries that belong together, and the rule that says so."""

    rule: str
    bank: tuple
    book: tuple


def by_day(entry):
    """Return the key for the order of entries: day, then id."""
    return (entry.day, entry.id)


def days_apart(one, other):
    """Return how many days lie between two entries."""
    return (one.day - other.day).days


def match_references(bank, book):
    """Match entries that have the same reference and amount, whatever their days."""
    matches = []
    open_book = sorted(book, key=by_day)
    for entry in sorted(bank, key=by_day):
        if not entry.reference:
            continue
        candidates = [
            other for other in open_book if other.reference == entry.reference and other.amount == entry.amount
        ]
        if candidates:
            nearest = candidates[0]
            matches.append(Match("reference", (entry,), (nearest,)))
    return matches


def match_amounts(bank, book, window):
    """Match entries of the same amount, the nearest pairs first, unless both have a reference."""
    pairs = [
        (days_apart(entry, other), by_day(entry), by_day(other), entry, other)
        for entry in bank
        for other in book
        if entry.amount == other.amount
        and days_apart(entry, other) <= window
        and not (entry.reference and entry.reference != other.reference)
    ]
    matches = []
    used = set()
    for *_, entry, other in sorted(pairs, key=lambda pair: (pair[1], pair[0], pair[2])):
        if entry.id not in used and other.id not in used:
            used |= {entry.id, other.id}
            matches.append(Match("amount", (entry,), (other,)))
    return matches


def match_groups(bank, book, window, largest):
    """Match a bank entry with two or more entries of the books that add up to it."""
    matches = []
    open_book = sorted(book, key=by_day)
    for entry in sorted(bank, key=by_day):
        near = [
            other
            for other in open_book
            if days_apart(entry, other) <= window
        ]
        group = find_group(entry, near, largest)
        if group:
            matches.append(Match("group", (entry,), group))
    return matches


def find_group(entry, near, largest):
    """Return the smallest group that adds up, of those the one with the fewest days in all, or None."""
    for size in range(2, largest):
        groups = [group for group in combinations(near, size) if sum(other.amount for other in group) == entry.amount]
        if groups:
            return min(groups, key=lambda group: sum(days_apart(entry, other) for other in group))
    return None


def reconcile(bank, book, window=3, largest=3):
    """Return (matches, open bank entries, open book entries)."""
    matches = []
    for rule in (
        match_references,
        lambda one, other: match_amounts(one, other, window),
        lambda one, other: match_groups(one, other, window, largest),
    ):
        found = rule(bank, book)
        matches += found
        used_bank = {entry.id for match in found for entry in match.bank}
        used_book = {entry.id for match in found for entry in match.book}
        bank = [entry for entry in bank if entry.id not in used_bank]
        book = [entry for entry in book if entry.id not in used_book]
    return matches, sorted(bank, key=by_day), sorted(book, key=by_day)
