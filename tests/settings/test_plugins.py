"""What other distributions add, found by their entry points. The distribution here is a folder on the path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.settings.plugins import GROUPS, find_entry_points
from evalkit.settings.schemas import mode_names

DISTRIBUTION = {
    "quizkit/__init__.py": "raise RuntimeError('a plugin that is looked for is not imported')\n",
    "quizkit/conf/provider/house.yaml": "name: house\n",
    "quizkit/schemas/mode_riddle.schema.json": '{"properties": {}}',
    "quizkit-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: quizkit\nVersion: 1\n",
    "quizkit-1.dist-info/entry_points.txt": (
        "[evalkit.modes]\nriddle = quizkit:MODE\n[evalkit.providers]\nhouse = quizkit\n"
    ),
}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the distribution, to be put on the path."""
    for name, text in DISTRIBUTION.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _ask(installed: Path, question: str) -> str:
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); {question}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_shipped_modes_come_through_the_same_door_as_anybodys() -> None:
    """Each mode that has a schema has an entry point, and the other way round."""
    assert set(find_entry_points("evalkit.modes")) == set(mode_names())
    assert "evalkit.modes" in GROUPS


def test_a_distribution_adds_its_names_and_folders_without_being_imported(installed: Path) -> None:
    """Options and schemas are there for ``--help`` before any code of it has run."""
    folders = "from evalkit.settings.plugins import plugin_folders; print(plugin_folders('conf')[0])"
    assert _ask(installed, folders) == str(installed / "quizkit" / "conf")
    modes = "from evalkit.settings.schemas import mode_names; print('riddle' in mode_names())"
    assert _ask(installed, modes) == "True"
    groups = "from evalkit.settings.options import list_groups; print('house' in list_groups()['provider'])"
    assert _ask(installed, groups) == "True"


def test_a_folder_that_a_distribution_has_not_is_none(installed: Path) -> None:
    """It may hold conf without data."""
    assert _ask(installed, "from evalkit.settings.plugins import plugin_folders; print(plugin_folders('data'))") == "()"
