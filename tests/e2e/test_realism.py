"""The same cases at rising realism by the installed command: one line makes all runs and says what each step costs."""

from __future__ import annotations

from harness import Cli, read_json

STEPS = ["text", "clean voice", "voice over telephone", "voice over telephone, full duplex"]


def test_one_line_holds_all_steps_and_tells_what_each_costs(cli: Cli) -> None:
    """At the end of the sweep, and again for its runs in any order; another model is on no ladder with them."""
    done = cli("-m", "mode=crawl", "realism=text,voice,phone,duplex", "max_examples=1")
    assert done.code == 0, done.err
    assert "what each step of realism costs" in done.err
    told = read_json(done.directory / "realism.json")
    (ladder,) = told["ladders"]
    assert [step["step"] for step in ladder["steps"]] == STEPS
    assert [step["passed"]["n"] for step in ladder["steps"]] == [1] * 4
    assert [step["cost"] and step["cost"]["passed"]["n"] for step in ladder["steps"]] == [None, 1, 1, 1]
    assert (done.directory / "plots" / "realism.png").read_bytes().startswith(b"\x89PNG")
    assert 'id="realism"' in (done.directory / "sweep.html").read_text()
    runs = [step["directory"] for step in ladder["steps"]]
    again = cli("report", *reversed(runs))
    assert again.code == 0, again.err
    assert read_json(again.directory / "realism.json") == told
    assert "voice over telephone, full duplex" in again.err
    other = cli("input=text", "max_examples=1", "assistant.model=local-no-tool", "report.plots=false")
    assert other.code == 0, other.err
    mixed = cli("report", str(other.directory), *runs[1:3])
    assert mixed.code == 0, mixed.err
    found = read_json(mixed.directory / "realism.json")
    assert [[step["step"] for step in ladder["steps"]] for ladder in found["ladders"]] == [STEPS[1:3]]
    assert "no other run has assistant.model=local-no-tool" in found["left_out"][0]
    assert f"not on a ladder: {other.directory.name}" in " ".join(mixed.err.split())
