"""The application puts the rooms' routes together."""

from pathlib import Path

from starlette.testclient import TestClient

from evalkit.lab.application import make_application
from evalkit.lab.lab import Lab
from evalkit.lab.settings import LabSettings


def test_what_nobody_serves_is_not_found(tmp_path: Path) -> None:
    """And the framework's own pages, which load scripts from elsewhere, are not served."""
    client = TestClient(make_application(Lab(LabSettings((tmp_path,), tmp_path / ".lab", tmp_path))))
    assert client.get("/nothing").status_code == 404
    assert client.get("/docs").status_code == 404
