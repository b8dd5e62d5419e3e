"""A stored config as a source; `tests/e2e/test_crawl.py` runs it again."""

from __future__ import annotations

from typing import Any

import yaml

from evalkit.compose.line import parse_line
from evalkit.compose.planning import plan
from evalkit.compose.stored import stored_source


def test_a_run_that_is_older_than_a_key_has_it_at_its_shipped_value(make_run: Any) -> None:
    """Keys that came since, in a group's option or in the primary config, stop no stored run."""
    run = make_run("old")
    path = run.root / ".hydra" / "config.yaml"
    stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    del stored["provider"]["run"]
    del stored["limits"]["grace_s"]
    path.write_text(yaml.safe_dump(stored), encoding="utf-8")
    hydra = run.root / ".hydra" / "hydra.yaml"
    told = yaml.safe_load(hydra.read_text(encoding="utf-8"))
    told["hydra"]["runtime"]["choices"]["provider"] = "local"
    hydra.write_text(yaml.safe_dump(told), encoding="utf-8")
    with stored_source(run.root, parse_line([])) as source:
        (job,) = plan([], source).jobs
    assert job.config["provider"]["run"] is None
    assert job.config["limits"]["grace_s"] == 30


def test_a_run_that_is_older_than_a_renaming_keeps_its_values(make_run: Any) -> None:
    """A stored key that has another name today gives its value to that name."""
    run = make_run("old")
    path = run.root / ".hydra" / "config.yaml"
    stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    stored["service"] = {
        "voice": "pico", "ears": "pocketsphinx", "base_url": None, "api_key_env": None, "voice_model": None,
        "ears_model": None, "faults": None,
    }  # fmt: skip
    path.write_text(yaml.safe_dump(stored), encoding="utf-8")
    with stored_source(run.root, parse_line([])) as source:
        (job,) = plan([], source).jobs
    service = job.config["service"]
    assert (service["speech"], service["transcription"], service["brain"]) == ("pico", "pocketsphinx", "rules")
    assert "voice" not in service
