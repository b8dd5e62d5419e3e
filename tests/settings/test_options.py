"""What people choose by name, found without Hydra."""

from __future__ import annotations

from pathlib import Path

from evalkit.settings.options import list_groups, option_folders
from evalkit.settings.resources import resource_dir
from evalkit.settings.schemas import mode_names


def test_every_shipped_option_is_listed_and_what_is_not_chosen_is_not() -> None:
    """Hydra's own settings and what a family of modes shares are nobody's choice."""
    groups = list_groups()
    assert groups["mode"] == sorted(mode_names())
    assert {"clinic", "smoke"} <= set(groups["experiment"])
    assert not {"hydra", "schema", "family"} & set(groups)
    shipped = {path.name for path in resource_dir("conf").iterdir() if path.is_dir()}
    assert set(groups) == shipped - {"hydra", "family"}


def test_a_further_folder_adds_options_and_groups(tmp_path: Path) -> None:
    """Beside the shipped ones, each name once."""
    for name in ("experiment/mine.yaml", "experiment/smoke.yaml", "judge/strict.yaml", "judge/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    groups = list_groups([tmp_path])
    assert groups["experiment"] == sorted({*list_groups()["experiment"], "mine"})
    assert groups["judge"] == ["default", "strict"]


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    """Whoever names it is told elsewhere."""
    assert list_groups([tmp_path / "nowhere"]) == list_groups()


def test_a_folder_is_looked_into_once() -> None:
    """The shipped one first, also where a line names it again."""
    shipped = resource_dir("conf")
    folders = option_folders([shipped])
    assert folders[0] == shipped
    assert len(folders) == len(set(folders))
