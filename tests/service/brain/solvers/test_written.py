"""Changes are written as the client reads them; both are held to each other here and share no code."""

from __future__ import annotations

import random

import pytest

from evalkit.modes.coding.answer import extract_edit
from evalkit.modes.coding.edits import AppliedEdit, Refusal, RefusedEdit
from evalkit.modes.coding.patch import apply_edit
from evalkit.modes.coding.prompt import _FORMATS
from evalkit.modes.coding.task import EditFormat
from evalkit.service.brain.solvers.written import Format, Slip, asked_format, fenced, write_change

FORMATS = list(Format)
OLD = "".join(f"{line}\n" for line in ["def f():", "    a = 1", "    b = 2", "", "    x()", "", "    x()", "", "end"])
NEW = OLD.replace("b = 2", "b = 3\n    c = 4").replace("    x()\n\nend", "    y()\n\nend")


def applied(before: dict[str, str], text: str, wanted: Format) -> AppliedEdit | RefusedEdit:
    edit = extract_edit(text, EditFormat(wanted), list(before))
    files = {path: content.encode() for path, content in before.items()}
    return edit if isinstance(edit, RefusedEdit) else apply_edit(edit, files, ("**",))


@pytest.mark.parametrize("wanted", FORMATS)
def test_the_format_is_told_by_the_prompt(wanted: Format) -> None:
    """By words that every model reads; also where files and statement speak of other formats."""
    end = _FORMATS[EditFormat(wanted)]
    for text in ("", "Write a unified diff of two texts. SEARCH/REPLACE. The whole file.\n" * 3):
        assert asked_format(f"{text}# Your answer\n\n{end}") is wanted


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_right_change_is_read_as_it_was_meant(wanted: Format) -> None:
    """At level 0, with a new file beside the old one."""
    after = {"f.py": NEW, "sub/new.py": "``` in it\n```\n"}
    found = applied({"f.py": OLD}, write_change({"f.py": OLD}, after, wanted), wanted)
    assert isinstance(found, AppliedEdit), found
    assert ({path: content.decode() for path, content in found.files.items()}, found.level) == (after, 0)


@pytest.mark.parametrize(
    ("wanted", "slip", "level"),
    [
        (Format.DIFF, Slip.COUNTS, 1),
        (Format.DIFF, Slip.NUMBERS, 2),
        (Format.DIFF, Slip.SPACES, 3),
        (Format.SEARCH_REPLACE, Slip.COUNTS, 3),
        (Format.SEARCH_REPLACE, Slip.SPACES, 3),
        (Format.WHOLE, Slip.SPACES, 0),
    ],
)
def test_a_slip_needs_its_level(wanted: Format, slip: Slip, level: int) -> None:
    """And the content is the right one."""
    found = applied({"f.py": OLD}, write_change({"f.py": OLD}, {"f.py": NEW}, wanted, slip), wanted)
    assert isinstance(found, AppliedEdit), found
    assert (found.files["f.py"].decode(), found.level) == (NEW, level)


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_stale_change_fits_nowhere(wanted: Format) -> None:
    """Whatever is overlooked."""
    found = applied({"f.py": OLD}, write_change({"f.py": OLD}, {"f.py": NEW}, wanted, Slip.STALE), wanted)
    assert isinstance(found, RefusedEdit)
    assert found.status is Refusal.INVALID_PATCH


@pytest.mark.parametrize("seed", range(60))
def test_any_change_in_any_format_with_any_slip(seed: int) -> None:
    """Random files that repeat themselves: read as meant, at the level of the slip or below."""
    chance = random.Random(seed)
    pool = ["x()", "    y()", "", "}", *(f"line {number}" for number in range(9))]
    old = [chance.choice(pool) for _ in range(chance.randrange(4, 60))]
    new = list(old)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(new))
        new[at : at + chance.randrange(3)] = [f"new {chance.randrange(99)}"]
    before, after = ({"f.py": "".join(f"{line}\n" for line in [*lines, "last"])} for lines in (old, new))
    for wanted in FORMATS:
        for slip in (Slip.NONE, Slip.COUNTS, Slip.NUMBERS, Slip.SPACES):
            found = applied(before, write_change(before, after, wanted, slip), wanted)
            assert isinstance(found, AppliedEdit), (wanted, slip, found)
            assert found.files["f.py"].decode() == after["f.py"]
            if wanted is Format.DIFF or slip is Slip.NONE:
                assert found.level == (list(Slip).index(slip) if wanted is Format.DIFF else 0)


def test_nothing_closes_a_fence_from_inside() -> None:
    """One mark more than the longest run."""
    assert fenced("a ```` b\n", "md") == "`````md\na ```` b\n`````"
