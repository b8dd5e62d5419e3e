"""A telephone bot whose tools are webhooks, called by the installed command: its calls are mocked, recorded, graded."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from harness import Cli, Finished, at_once, read_json
from test_media_stream import CASE, answering, call

GRADERS = "mode.graders=[tool_call,tool_call_args,no_duplicate_calls]"
# A bot that uses its tools as it should, and two that do not -> what makes it one of these.
BOTS = {"sound": [], "calls twice": ["--calls-twice"], "has tools of its own": ["--own-tools"]}


@pytest.fixture(scope="module")
def runs(service_url: str, warm_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """A simulation with each bot, and a written case with the sound one, all at the same time."""
    folders = [tmp_path_factory.mktemp("tool_host") for _ in range(len(BOTS) + 1)]

    def simulate(folder: Path, arguments: list[str]) -> Finished:
        with answering(service_url, folder, "--greets", *arguments) as url:
            return call(Cli(folder, warm_env), url, "tool_host.enabled=true", GRADERS)

    simulated = [partial(simulate, folder, bot) for folder, bot in zip(folders, BOTS.values(), strict=False)]
    *held, written = at_once(*simulated, partial(_crawl, Cli(folders[-1], warm_env), service_url))
    return {**dict(zip(BOTS, held, strict=True)), "written": written}


def _crawl(cli: Cli, service_url: str) -> Finished:
    (cli.cwd / "cases.csv").write_text(
        "example_id,user_text,gt_tool_call,gt_tool_call_arg\n"
        'status,"Where is my order? The number is 4 8 2 1 3.",get_order_status,"{""order_id"": ""48213""}"\n'
    )
    (cli.cwd / "mocks.json").write_text('[{"name": "get_order_status", "output": {"status": "shipped"}}]')
    with answering(service_url, cli.cwd, "--greets") as url:
        return cli(
            "mode=crawl", "target=media_stream", f"target.url={url}", "tool_host.enabled=true", "report.plots=false",
            "mode.data_csv=cases.csv", "tool_mocks.mocks_file=mocks.json", "limits.max_attempts=1", GRADERS,
        )  # fmt: skip


def test_its_tools_are_the_mocks_of_the_simulation(runs: dict[str, Finished]) -> None:
    """The bot was handed their address at the call's start; what it called is graded as in any other call."""
    finished = runs["sound"]
    assert finished.code == 0, finished.err
    record = read_json(finished.directory / "records" / f"{CASE}.json")
    (told,) = record["notes"]["tool_answers"]
    assert (told["name"], told["arguments"]) == ("get_order_status", {"order_id": "48213"})
    assert (told["via"], told["answered_by"], told["schema_problems"]) == ("webhook", "mock #1", [])
    row = finished.rows[0]
    assert (row["tool_call_grade"], row["tool_call_args_grade"], row["no_duplicate_calls_grade"]) == ("1", "1", "1")


def test_a_written_case_is_served_mocks_too(runs: dict[str, Finished]) -> None:
    """A crawl against a telephone bot is graded by what it calls of the mocks that the config names."""
    finished = runs["written"]
    assert finished.code == 0, finished.err
    row = finished.rows[0]
    assert (row["tool_call_grade"], row["tool_call_args_grade"], row["no_duplicate_calls_grade"]) == ("1", "1", "1")
    record = read_json(finished.directory / "records" / "status.json")
    (told,) = record["notes"]["tool_answers"]
    assert (told["output"], told["via"]) == ({"status": "shipped"}, "webhook")
    assert [step["kind"] for step in record["turns"][0]["steps"]].count("tool_output") == 1
    assert "tool_calls" not in record["notes"]["not_shown"]


def test_a_bot_that_calls_twice_loses_that_grade(runs: dict[str, Finished]) -> None:
    """With a planted defect it is told what was called twice."""
    row = runs["calls twice"].rows[0]
    assert row["no_duplicate_calls_grade"] == "0"
    assert "get_order_status was called with" in row["no_duplicate_calls_rationale"]


def test_a_bot_that_does_not_use_them_has_called_nothing(runs: dict[str, Finished]) -> None:
    """Served its tools it is held to them: who says that a run serves them has to connect them."""
    row = runs["has tools of its own"].rows[0]
    assert row["tool_call_grade"] == "0"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["tool_host.enabled=true"], "tool_host.enabled: true, but target.kind=realtime"),
        (["tool_host.bind=''"], "tool_host.bind: ''"),
    ],
)
def test_what_does_not_fit_is_refused(cli: Cli, overrides: list[str], problem: str) -> None:
    """Before anybody is called."""
    finished = cli("mode=run", *overrides)
    assert finished.code == 2
    assert problem in finished.err
