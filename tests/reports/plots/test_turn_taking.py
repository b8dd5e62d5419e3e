"""How long answers and yields took, as a picture: also where nobody yields, and none where there is no such call."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from turn_taking_notes import heard, interrupted

from evalkit.reports.plots.style import VERMILION
from evalkit.reports.plots.turn_taking import turn_taking_png


def drawn(results: Any, pixels: Any, make_record: Any, *notes: Any) -> Any:
    records = [make_record(f"c{n}", mode="run", notes={"turn_taking": each}) for n, each in enumerate(notes)]
    picture = turn_taking_png(results(records, mode="run")[0], records)
    assert picture is not None
    return pixels(picture)


def count_marked(picture: Any) -> int:
    """Return how many pixels have the colour of what never came."""
    return int((np.abs(picture[..., :3] - to_rgb(VERMILION)).max(axis=-1) < 0.02).sum())


def test_what_never_came_is_seen(results: Any, pixels: Any, make_record: Any) -> None:
    """In a colour and a line of its own; all that came leaves none of it."""
    came = drawn(results, pixels, make_record, interrupted(0.5), heard([1.0, 2.0]))
    missing = drawn(results, pixels, make_record, interrupted(0.5), interrupted(3.0), heard([1.0, 2.0]))
    assert count_marked(came) == 0
    assert count_marked(missing) > 200


def test_nobody_yields_or_nobody_interrupts(results: Any, pixels: Any, make_record: Any) -> None:
    """Both are pictures, and not the same."""
    never = drawn(results, pixels, make_record, interrupted(3.0))
    nobody = drawn(results, pixels, make_record, heard([1.0]))
    assert never.shape == nobody.shape
    assert not np.array_equal(never, nobody)
    assert count_marked(never) > 200


def test_without_a_call_in_full_duplex_there_is_no_picture(results: Any, make_record: Any) -> None:
    """Nor of one that cannot be read."""
    for record in (make_record(), make_record(notes={"turn_taking": {"caller": 1}})):
        assert turn_taking_png(results([record])[0], [record]) is None
