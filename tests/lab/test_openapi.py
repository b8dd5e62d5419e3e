"""What the OpenAPI document promises holds, whatever is asked: no answer is a defect of the lab's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lab_process import lab_process
from stored_runs import write_crawl

RUN = "a" * 16
# What is known in the lab that is asked, so that not every question ends with "not found".
KNOWN = {"run_id": RUN, "key": "order-1", "case_id": "order-1", "path": "records/order-1.json", "model_id": "model-a"}
NO_DEFECT = "not_a_server_error"
AS_DOCUMENTED = f"{NO_DEFECT},response_schema_conformance,content_type_conformance"


def _ask_everything(folder: Path, checks: str, *options: str, read_only: bool) -> subprocess.CompletedProcess[str]:
    """Ask a lab over a run all that its document offers, with what fits and with what does not."""
    write_crawl(folder / "outputs" / "run", "model-a", run_id="a" * 32)
    known = "\n".join(f'{name} = "{value}"' for name, value in KNOWN.items())
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{known}\n", encoding="utf-8")
    with lab_process(folder, *(["--read-only"] if read_only else [])) as lab:
        with lab.client() as client:
            while client.get(f"/runs/{RUN}").status_code != 200:
                pass
        line = ["-m", "schemathesis.cli", "run", f"{lab.url}/openapi.json", "--checks", checks, "--seed", "1"]
        return subprocess.run(
            [sys.executable, *line, "--no-color", *options],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )


def test_no_question_is_answered_by_a_defect(tmp_path: Path) -> None:
    """Of a lab that launches nothing: what would be launched here is anything."""
    found = _ask_everything(tmp_path, AS_DOCUMENTED, "--phases", "fuzzing", "--max-examples", "10", read_only=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


def test_nothing_that_people_add_is_answered_by_a_defect(tmp_path: Path) -> None:
    """Tags, notes and reviews of any form."""
    found = _ask_everything(
        tmp_path, NO_DEFECT, "--max-examples", "10", "--include-path-regex", "tags|notes|reviews", read_only=False
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]


@pytest.mark.slow
def test_no_question_is_answered_by_a_defect_of_many(tmp_path: Path) -> None:
    """The same, with many more questions."""
    found = _ask_everything(tmp_path, AS_DOCUMENTED, "--max-examples", "200", read_only=True)
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
