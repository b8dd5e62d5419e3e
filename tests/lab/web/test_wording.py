"""Numbers and times read the same on every page, and never claim more than they know."""

from __future__ import annotations

import pytest

from evalkit.lab.web import wording


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, wording.UNKNOWN),
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.999, "99.9 %"),
        (0.0004, "0.04 %"),
        (0.99999, "99.999 %"),
        (0.004, "0.4 %"),
    ],
)
def test_a_share(share: float | None, shown: str) -> None:
    """The number and its sign stay on one line."""
    assert wording.percent(share) == shown.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(None, wording.UNKNOWN), (0, "$0"), (0.00001, "< $0.0001"), (0.0123, "$0.0123"), (1234.5, "$1,234.50")],
)
def test_money(usd: float | None, shown: str) -> None:
    assert wording.money(usd) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (None, wording.UNKNOWN),
        (-1, wording.UNKNOWN),
        (12, "12 ms"),
        (1500, "1.5 s"),
        (60_000, "1 min"),
        (65_000, "1 min 5 s"),
        (3_720_000, "1 h 2 min"),
    ],
)
def test_how_long(ms: float | None, shown: str) -> None:
    assert wording.duration(ms) == shown


def test_a_moment_is_read_by_machines_and_people() -> None:
    shown = str(wording.time("2026-01-01T11:00:00+01:00"))
    assert 'datetime="2026-01-01T10:00:00+00:00"' in shown
    assert ">2026-01-01 10:00 UTC<" in shown
    assert str(wording.time("2026-01-01T10:00:05", "clock")).endswith(">10:00:05 UTC</time>")
    assert wording.time(None) == wording.UNKNOWN


def test_a_moment_that_is_none_stays_text() -> None:
    """Run data are hostile: what cannot be read as a time comes back as a plain string, which the page escapes."""
    shown = wording.time("<img onerror>")
    assert not hasattr(shown, "__html__")


def test_the_time_between() -> None:
    assert wording.between("2026-01-01T10:00:00+00:00", "2026-01-01T10:00:01.500+00:00") == 1500
    assert wording.between(None, "2026-01-01T10:00:00+00:00") is None


def test_sizes_grades_and_counts() -> None:
    assert [wording.size(n) for n in (None, 12, 1500, 25_000_000)] == [wording.UNKNOWN, "12 bytes", "1.5 KB", "25.0 MB"]
    assert [wording.grade(n) for n in (None, 1.0, 0.5, 1 / 3)] == [wording.UNKNOWN, "1", "0.5", "0.333"]
    assert wording.count(200_000) == "200,000"
    assert wording.milliseconds(12_345) == "12.3 s"
    assert wording.milliseconds(1_234) == "1,234 ms"
