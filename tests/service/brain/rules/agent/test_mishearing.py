"""Slips of the recogniser are undone where the shape of an id proves them."""

import pytest

from evalkit.service.brain.rules.agent.mishearing import is_one_character_off, mended_runs
from evalkit.service.brain.rules.language.readings import read_utterance


@pytest.mark.parametrize(
    ("text", "shape", "value"),
    [
        ("give parcel R? P. 480. 077. 215 to him", r"^[A-Z]{2}\d{9}$", "RP480077215"),
        ("leave our P-229-901-764 there", r"^[A-Z]{2}\d{9}$", "RP229901764"),
        ("the reference is for TR88M", r"^[A-Z0-9]{6}$", "4TR88M"),
        ("account 712-00045", r"^\d{7}$", "7120045"),
        ("ticket 118-200-4-565", r"^\d{9}$", "118204565"),
        ("Member IDA B120934", r"^[A-Z]{2}\d{6}$", "AB120934"),
        ("appointment for 8-1-5-0 please", r"^\d{4,7}$", "48150"),
        ("the code is at E7-034", r"^[A-Z]{2}\d{4}$", "AE7034"),
        ("the code is at E12888", r"^[A-Z]{2}\d{4}$", "AE1288"),
        ("I live at K4821", r"^[A-Z]{2}\d{4}$", "K4821"),
    ],
)
def test_slips(text: str, shape: str, value: str) -> None:
    """Split, swallowed, stuttered and rounded ids are mended."""
    runs = mended_runs(read_utterance(text, None), shape, frozenset({"appoint"}))
    assert value in [run.text for run in runs]


def test_what_fits_is_left_alone() -> None:
    """No digit is dropped from an id that is right."""
    runs = mended_runs(read_utterance("order 0040318", None), r"^\d{4,8}$", frozenset())
    assert [run.text for run in runs] == ["0040318"]


def test_an_id_said_in_one_piece_is_not_shortened() -> None:
    """A number that is too long is another number, not a stutter."""
    runs = mended_runs(read_utterance("card 330014785", None), r"^\d{8}$", frozenset())
    assert [run.text for run in runs] == ["330014785"]


@pytest.mark.parametrize(
    ("value", "is_off"), [("NR220", True), ("NR22901", True), ("NR2290", False), ("N2290", True), ("48", False)]
)
def test_one_character_off(value: str, is_off: bool) -> None:
    """One lost or put in is likely a slip; an id that is quite another may be right."""
    assert is_one_character_off(value, r"^[A-Z]{2}\d{4}$") is is_off
