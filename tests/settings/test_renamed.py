"""Old names of config keys: answered with the new ones, and understood in stored configs."""

from __future__ import annotations

import pytest

from evalkit.settings.renamed import RENAMED_KEYS, renaming_problem, with_new_names
from evalkit.settings.schemas import key_at


@pytest.mark.parametrize(("old", "new"), RENAMED_KEYS.items())
def test_every_old_name_is_gone_and_every_new_one_is_there(old: str, new: str) -> None:
    """The table leads from keys that no schema has to keys that one has."""
    assert key_at(old) is None
    assert key_at(new) is not None


def test_the_answer_to_an_old_name() -> None:
    """Whoever writes an old key is told what to write, value included; other keys are none of its business."""
    assert renaming_problem("service.voice", "pico") == "service.voice: was renamed; write service.speech=pico"
    assert renaming_problem("service.speech", "pico") is None


def test_a_stored_config_gets_the_new_names() -> None:
    """Values move to the new names, everything else stays, and the stored document is not touched."""
    stored = {"service": {"voice": "pico", "ears": "whisper", "faults": None}, "voice": {"codec": "ulaw"}, "seed": 7}
    assert with_new_names(stored) == {
        "service": {"faults": None, "speech": "pico", "transcription": "whisper"},
        "voice": {"codec": "ulaw"},
        "seed": 7,
    }
    assert stored["service"]["voice"] == "pico"


def test_a_new_name_wins_and_a_missing_node_is_no_error() -> None:
    """A document that has the new key keeps its value; one without the node stays as it is."""
    assert with_new_names({"service": {"voice": "pico", "speech": "hibari"}}) == {"service": {"speech": "hibari"}}
    assert with_new_names({"seed": 1}) == {"seed": 1}
    assert with_new_names({"service": None}) == {"service": None}
