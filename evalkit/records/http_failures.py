"""What HTTP says of a failure in the same way whoever asks: how long to wait, and what led to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what ``Retry-After`` (or ``retry-after-ms``) asks for, in seconds; None when it is absent or senseless.

    A date counts from the response's own ``Date``, so that the two machines' clocks need not agree.

    Args:
        headers: An answer's headers, names in lower case or in a mapping that does not care.

    """
    try:
        if "retry-after-ms" in headers:
            return _not_negative(float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdecimal():
            return _not_negative(float(value))
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
        return _not_negative(wait.total_seconds())
    except (ValueError, TypeError):
        return None


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to `error`, the nearest first; groups are entered."""
    inner: list[BaseException | None] = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    for cause in [error.__cause__ or error.__context__, *inner]:
        if cause is not None:
            yield cause
            yield from causes_of(cause)


def _not_negative(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds < float("inf") else None
