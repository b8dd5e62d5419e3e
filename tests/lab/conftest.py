"""A lab over an empty folder, and a client that asks it as its own pages would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest
from starlette.testclient import TestClient

from evalkit.lab.application import make_application, open_lab
from evalkit.lab.lab import Lab
from evalkit.lab.settings import LabSettings
from evalkit.settings.addresses import Addresses

OpenClient: TypeAlias = Callable[[Lab], TestClient]


@pytest.fixture
def lab_settings(tmp_path: Path) -> LabSettings:
    """A lab that serves `tmp_path`."""
    return LabSettings(folders=(tmp_path,), home=tmp_path / ".lab", working_dir=tmp_path)


@pytest.fixture
def lab(lab_settings: LabSettings) -> Lab:
    """The lab itself; its services run while a client of it is open."""
    return open_lab(lab_settings)


@pytest.fixture
def open_client() -> Iterator[OpenClient]:
    """Ask a lab as a page of its own does: with its Host, Origin and secret. Its services run until the test ends."""
    with ExitStack() as until_the_end:

        def open_it(lab: Lab) -> TestClient:
            url = Addresses(lab.settings.host, lab.settings.port).url
            headers = {"origin": url, "sec-fetch-site": "same-origin", "x-evalkit-token": lab.access.csrf}
            return until_the_end.enter_context(TestClient(make_application(lab), base_url=url, headers=headers))

        yield open_it
