"""What a lab is started with by default."""

from pathlib import Path

from evalkit.lab.settings import LOOPBACK, LabSettings


def test_lets_no_one_in_by_default(tmp_path: Path) -> None:
    """A lab that is told nothing listens to this machine only, and takes no paths from outside."""
    settings = LabSettings((tmp_path,), tmp_path / ".lab", tmp_path)
    assert settings.host == LOOPBACK
    assert not settings.allow_paths
