"""What a sweep would run is on disk before it starts, small, and comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import ConfigError
from evalkit.runner.jobs import Job, Plan, Source, packaged_source
from evalkit.runner.stored_plan import read_plan, write_plan
from evalkit.settings.resources import resource_dir


def _plan(*configs: dict[str, Any]) -> Plan:
    jobs = (Job(number, (f"seed={number}",), config, f"{number}_x") for number, config in enumerate(configs))
    return Plan(packaged_source(), ("seed=range(9)",), True, tuple(jobs), "joblib")  # noqa: FBT003


def _written(root: Path, planned: Plan) -> dict[str, Any]:
    write_plan(planned, root, working_dir=root, config_sha256=["-"] * len(planned.jobs))
    document: dict[str, Any] = json.loads((root / "plan.json").read_text(encoding="utf-8"))
    return document


def test_the_plan_comes_back(tmp_path: Path) -> None:
    """With the folder that its paths count from, and the hash of each config."""
    planned = _plan({"chunk_ms": 20, "gate": {"a": 1, "b": None}}, {"chunk_ms": 40, "gate": {"a": 1}})
    write_plan(planned, tmp_path, working_dir=Path("/somewhere"), config_sha256=["aa", "bb"])
    stored = read_plan(tmp_path)
    assert stored.plan == planned
    assert stored.working_dir == Path("/somewhere")
    assert stored.config_sha256 == ("aa", "bb")


def test_a_job_takes_as_much_as_it_differs_in(tmp_path: Path) -> None:
    """A line of its own, and no config of its own: four hundred jobs do not have it four hundred times."""
    whole = {f"key_{number}": "x" * 100 for number in range(100)}
    planned = _plan(*({**whole, "seed": number} for number in range(400)))
    document = _written(tmp_path, planned)
    assert document["jobs"][7]["set"] == [[["seed"], 7]]
    lines = (tmp_path / "plan.json").read_text(encoding="utf-8").splitlines()
    assert max(len(line) for line in lines if '"job": ' in line) < 200
    assert read_plan(tmp_path).plan == planned


def test_a_plan_of_before_is_read(tmp_path: Path) -> None:
    """Format 1 has the whole config in every job."""
    planned = _plan({"seed": 0}, {"seed": 1})
    document = _written(tmp_path, planned)
    jobs = [
        {**{key: value for key, value in job.items() if key not in ("set", "unset")}, "config": planned.jobs[n].config}
        for n, job in enumerate(document["jobs"])
    ]
    del document["config"]
    (tmp_path / "plan.json").write_text(json.dumps({**document, "format": 1, "jobs": jobs}), encoding="utf-8")
    assert read_plan(tmp_path).plan == planned


def test_a_primary_config_that_will_be_gone_is_kept(tmp_path: Path) -> None:
    """The folder that a rerun composes from is a temporary one; its sweep can still be finished."""
    temporary, root = tmp_path / "temporary", tmp_path / "root"
    temporary.mkdir()
    root.mkdir()
    (temporary / "rerun.yaml").write_text("chunk_ms: 20\n")
    planned = Plan(Source(temporary, "rerun", (resource_dir("conf"),)), (), True, (Job(0, (), {}),))  # noqa: FBT003
    write_plan(planned, root, working_dir=tmp_path, config_sha256=["aa"])
    (temporary / "rerun.yaml").unlink()
    source = read_plan(root).plan.source
    assert (source.config_dir / f"{source.config_name}.yaml").read_text() == "chunk_ms: 20\n"
    assert source.search_dirs == (resource_dir("conf"),)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "holds no plan.json"), ("{", "not the plan"), ('{"format": 3}', "format 3"), ('{"format": 2}', "source")],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str | None, complaint: str) -> None:
    """With the file and what is wrong with it."""
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with pytest.raises(ConfigError, match=complaint):
        read_plan(tmp_path)
