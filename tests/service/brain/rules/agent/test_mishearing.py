"""Slips of the recogniser are undone where the shape of an id proves them."""

import pytest

from evalkit.service.brain.rules.agent.mishearing import mended_runs
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
