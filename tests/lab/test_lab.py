"""What every room of the lab gets."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from evalkit.lab.lab import Lab


def test_no_room_can_change_what_the_others_get(lab: Lab) -> None:
    """The lab is made once."""
    with pytest.raises(FrozenInstanceError):
        lab.settings = lab.settings  # type: ignore[misc]
