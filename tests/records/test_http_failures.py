"""How long to wait, and what led to a failure."""

from __future__ import annotations

import pytest

from evalkit.records.http_failures import causes_of, retry_after_s


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:28:10 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after-ms": "inf"}, None),
        ({"retry-after-ms": "nan"}, None),
        ({"retry-after-ms": "-5"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after_s(headers: dict[str, str], expected: float | None) -> None:
    """Seconds, milliseconds and dates are understood; nonsense is no wait."""
    assert retry_after_s(headers) == expected


def test_causes_are_told_from_the_nearest_on() -> None:
    """Those of a group's members too; without `from`, what was being handled."""
    deepest, other = OSError("deepest"), KeyError("other")
    group = ExceptionGroup("both", [ValueError("first"), other])
    group.exceptions[0].__cause__ = deepest
    error = RuntimeError("top")
    error.__context__ = group
    assert list(causes_of(error)) == [group, group.exceptions[0], deepest, other]
    assert list(causes_of(deepest)) == []
