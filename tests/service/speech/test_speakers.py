"""The voice names."""

from __future__ import annotations

from evalkit.service.speech import speakers
from evalkit.service.speech.speakers import SPEAKERS


def test_the_public_names():
    """All ten voices of the public API are there, no two of them the same."""
    names = ["alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"]
    assert sorted(SPEAKERS) == names
    assert len(set(SPEAKERS.values())) == len(names)


def test_the_documented_table_is_the_real_one():
    """The table in the module's docstring says what the code does."""
    rows = [
        line.split()
        for line in (speakers.__doc__ or "").splitlines()
        if line.split()[:1] and line.split()[0] in SPEAKERS
    ]
    assert {row[0]: (float(row[1]), float(row[2])) for row in rows} == {
        name: (speaker.tempo, speaker.pitch) for name, speaker in SPEAKERS.items()
    }
