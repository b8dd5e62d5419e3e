"""What people order is checked, given its place and queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from evalkit.lab.launch.checking import CheckedLine, Checking
from evalkit.lab.launch.launches import Launches
from evalkit.lab.launch.orders import Orders, RefusedOrderError
from evalkit.lab.settings import LabSettings


@dataclass
class Checked:
    """Says of every line what it was told to say."""

    line: CheckedLine
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def check(
        self, overrides: Sequence[str], *, multirun: bool = False, source: Path | None = None, asker: str = ""
    ) -> CheckedLine:
        """Return it."""
        self.asked.append((tuple(overrides), multirun, source))
        return self.line


def _line(output_dir: Path, *, multirun: bool = False, problems: Sequence[dict[str, Any]] = ()) -> CheckedLine:
    return CheckedLine(multirun, [{"config": {"output_dir": str(output_dir)}, "resolved": None}], list(problems))


def _orders(launches: Launches, line: CheckedLine) -> Orders:
    return Orders(launches.settings, launches, cast("Checking", Checked(line)))


def test_a_run_goes_into_the_first_folder(launches: Launches, tmp_path: Path) -> None:
    """The line says so, unless that is where evalkit would put it anyway."""
    entry = _orders(launches, _line(tmp_path)).launch(["max_examples=2"])
    assert entry.line == f"evalkit max_examples=2 output_dir={tmp_path}"
    assert (entry.kind, entry.output_dir, entry.state) == ("run", tmp_path, "queued")
    usual = replace(launches.settings, folders=(tmp_path / "outputs",))
    assert Orders(usual, launches, cast("Checking", None)).complete(["seed=1"]) == ("seed=1",)
    assert Orders(usual, launches, cast("Checking", None)).complete(["output_dir=x"]) == ("output_dir=x",)


def test_a_sweep_and_a_repetition(launches: Launches, tmp_path: Path) -> None:
    """A preset may make a sweep of a line; a repetition names the run."""
    sweep = _orders(launches, _line(tmp_path, multirun=True)).launch(["experiment=chunk_sweep"])
    assert (sweep.kind, sweep.words[0]) == ("sweep", "experiment=chunk_sweep")
    rerun = _orders(launches, _line(tmp_path)).launch(["seed=1,2"], multirun=True, source=tmp_path / "run")
    assert rerun.line == f"evalkit rerun {tmp_path / 'run'} -m seed=1,2 output_dir={tmp_path}"
    assert (rerun.kind, rerun.source, rerun.root) == ("rerun", tmp_path / "run", None)


def test_what_is_wrong_is_not_queued(launches: Launches, tmp_path: Path) -> None:
    """Neither a line with problems, nor one whose run the lab would not find."""
    problem = {"key": "seed", "message": "seed: 'x' is not allowed", "job": None}
    with pytest.raises(RefusedOrderError) as caught:
        _orders(launches, _line(tmp_path, problems=[problem])).launch(["seed=x"])
    assert caught.value.found == [problem]
    with pytest.raises(RefusedOrderError, match=r"elsewhere is no folder that this lab serves"):
        _orders(launches, _line(tmp_path / "elsewhere")).launch(["output_dir=elsewhere"])
    assert launches.list_launches() == []


def test_a_run_goes_on(launches: Launches, tmp_path: Path) -> None:
    """With other bounds, and with what becomes of changed cases; anything else would be another run."""
    root = tmp_path / "run"
    (root / ".hydra").mkdir(parents=True)
    (root / ".hydra" / "config.yaml").write_text("seed: 0\n")
    orders = _orders(launches, _line(tmp_path))
    with pytest.raises(RefusedOrderError, match="seed=2: would make it another run"):
        orders.resume(root, "a" * 32, ["seed=2"])
    entry = orders.resume(root, "a" * 32, ["limits.max_cost_usd=5"], "keep")
    assert entry.line == f"evalkit resume {root} --keep-changed limits.max_cost_usd=5"
    assert (entry.run_id, entry.root) == ("a" * 32, root)


def test_a_run_whose_config_would_be_refused_does_not_go_on(launches: Launches, tmp_path: Path) -> None:
    """It may have been copied in."""
    with pytest.raises(RefusedOrderError, match="cannot be read"):
        _orders(launches, _line(tmp_path)).resume(tmp_path / "gone", "a" * 32)


def test_a_folder_with_a_strange_name_is_one_value(lab_settings: LabSettings, tmp_path: Path) -> None:
    """Blanks and quotes are quoted."""
    settings = replace(lab_settings, folders=(tmp_path / "it's here",))
    (word,) = Orders(settings, Launches(settings), cast("Checking", None)).complete([])
    assert word == f"output_dir='{tmp_path}/it\\'s here'"
