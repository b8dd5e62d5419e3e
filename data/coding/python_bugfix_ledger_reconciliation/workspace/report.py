"""Says in text what became of a reconciliation."""

from entries import read_entries
from matching import by_day, reconcile
from money import format_amount


def describe(match):
    """Return a match as a line: rule, ids of both sides, amount."""
    bank = "+".join(entry.id for entry in match.bank)
    book = "+".join(entry.id for entry in sorted(match.book, key=by_day))
    return f"{match.rule}: {bank} = {book} ({format_amount(sum(entry.amount for entry in match.bank))})"


def report(bank_lines, book_lines, window=3, largest=3):
    """Return the lines of the report."""
    bank, book = read_entries(bank_lines), read_entries(book_lines)
    matches, open_bank, open_book = reconcile(bank, book, window, largest)
    lines = [describe(match) for match in sorted(matches, key=lambda match: by_day(match.bank[0]))]
    lines += [f"only bank: {entry.id} ({format_amount(entry.amount)})" for entry in open_bank]
    lines += [f"only book: {entry.id} ({format_amount(entry.amount)})" for entry in open_book]
    difference = sum(entry.amount for entry in bank) - sum(entry.amount for entry in book)
    lines.append(f"difference: {format_amount(difference)}")
    return lines
