"""What every room of the lab gets."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from evalkit.lab.lab import Lab
from evalkit.lab.settings import LabSettings


def test_no_room_can_change_what_the_others_get(tmp_path: Path) -> None:
    """The lab is made once."""
    lab = Lab(LabSettings((tmp_path,), tmp_path / ".lab", tmp_path))
    with pytest.raises(FrozenInstanceError):
        lab.settings = LabSettings((), tmp_path, tmp_path)  # type: ignore[misc]
