"""How numbers and times read on a page. Each gives a dash where a value is not known."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

UNKNOWN = "\N{EN DASH}"


def time(value: str | datetime | None, shown: str = "time") -> Markup | str:
    """Return a moment as a ``<time>`` element; the page writes it in the reader's own zone.

    Args:
        value: ISO 8601, or a datetime; without a zone it is UTC.
        shown: ``time`` (date and time of day), ``ago`` (how long since) or ``clock`` (time of day with seconds).

    """
    moment = moment_of(value)
    if moment is None:
        return str(value) if value else UNKNOWN
    stamp = moment.astimezone(UTC)
    text = f"{stamp:%H:%M:%S} UTC" if shown == "clock" else f"{stamp:%Y-%m-%d %H:%M} UTC"
    # None of the three has anything to escape, and a page has a hundred of them.
    return Markup(f'<time datetime="{stamp.isoformat()}" data-shown="{shown}">{text}</time>')  # noqa: S704


def money(usd: float | None) -> str:
    """Return an amount in US dollars, with as many places as tell it from nothing."""
    if usd is None:
        return UNKNOWN
    if usd == 0:
        return "$0"
    if abs(usd) < 0.0001:
        return "< $0.0001"
    return f"${usd:,.4f}" if abs(usd) < 1 else f"${usd:,.2f}"


def percent(share: float | None, places: int = 0) -> str:
    """Return a share from 0 to 1 in percent; never 0 % or 100 % for what is not quite that."""
    if share is None:
        return UNKNOWN
    text = f"{100 * share:.{places}f}"
    if 0 < share < 1 and float(text) in (0.0, 100.0):
        return percent(share, places + 1)
    number = text.removesuffix("." + "0" * places) if places else text
    return f"{number}\N{NO-BREAK SPACE}%"  # a line never ends between the two


def milliseconds(value: float | None) -> str:
    """Return a latency in milliseconds, in seconds from ten seconds on."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f} ms" if abs(value) < 10_000 else f"{value / 1000:,.1f} s"


def duration(ms: float | None) -> str:
    """Return how long something took, in at most two units; what ended before it began is not known."""
    if ms is None or ms < 0:
        return UNKNOWN
    seconds = ms / 1000
    if seconds < 1:
        return f"{ms:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def between(started: str | datetime | None, ended: str | datetime | None) -> float | None:
    """Return the milliseconds from `started` to `ended`; None where one is not known."""
    first, last = moment_of(started), moment_of(ended)
    return None if first is None or last is None else (last - first).total_seconds() * 1000


def count(number: int | None) -> str:
    """Return a whole number with commas."""
    return UNKNOWN if number is None else f"{number:,}"


def grade(value: float | None) -> str:
    """Return a grade or a score with up to three places."""
    return UNKNOWN if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def size(number: float | None) -> str:
    """Return a number of bytes in the unit that suits it."""
    if number is None:
        return UNKNOWN
    for unit in ("bytes", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"


def moment_of(value: str | datetime | None) -> datetime | None:
    """Return a moment with its zone, by default UTC; None for what cannot be read."""
    if not value:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
