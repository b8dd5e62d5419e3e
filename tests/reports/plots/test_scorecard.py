"""The scorecard is a picture of whatever there is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from layouts import layout_of
from matplotlib.image import imread

from evalkit.reports.plots.scorecard import scorecard_png
from evalkit.reports.rows import build_table
from evalkit.reports.summary import RunFacts, summarize


def draw(config: Any, records: Any, grades: Any, name: str = "nightly") -> bytes:
    table = build_table(layout_of(config["mode"]["name"]), config, records, grades, lambda path: path)
    return scorecard_png(summarize(RunFacts(name, config, "abc"), table, records, grades), table)


def pixels(png: bytes) -> Any:
    return imread(io.BytesIO(png))


def test_an_empty_run_is_drawn(config: Any) -> None:
    """No data is no reason to fail."""
    assert pixels(draw(config, [], [])).shape[1] == 1320


def test_one_value_is_drawn(make_record: Any, both_grades: Any, config: Any) -> None:
    """A single case has no spread, and a picture that differs from an empty one."""
    one = pixels(draw(config, [make_record()], both_grades("case-1", 1, 1)))
    assert not np.array_equal(one, pixels(draw(config, [], [])))


def test_only_lost_cases_are_drawn(lost: Any, both_grades: Any, config: Any) -> None:
    """A run that lost everything still shows how it ended."""
    assert draw(config, [lost], both_grades("case-lost", None, None, None))


def test_many_graders_grow_the_picture(make_record: Any, make_grade: Any, config: Any) -> None:
    """More rows need more height, up to a bound; names are taken literally."""
    grades = [make_grade("case-1", f"grader_{index}_with_$a_long_name$", 0.5) for index in range(30)]
    tall = pixels(draw(config, [make_record()], grades, name="$\\frac{a}$ 日本語 " + "x" * 200))
    assert 864 < tall.shape[0] < 1500


def test_zero_latency_and_other_modes_are_drawn(make_record: Any, make_turn: Any, config: Any) -> None:
    """All zeros, no unit of sound, rows per turn: still a picture."""
    turns = tuple(make_turn(index, latencies={"latency_first_audio_ms": 0.0}) for index in (1, 2))
    for mode in ("walk", "run", "quiz"):
        assert draw({**config, "mode": {"name": mode}}, [make_record(mode=mode, turns=turns)], [])


def test_the_same_run_gives_the_same_bytes(make_record: Any, both_grades: Any, config: Any) -> None:
    """Nothing of time, version or machine is in the file."""
    grades = both_grades("case-1", 1, 1)
    assert draw(config, [make_record()], grades) == draw(config, [make_record()], grades)
