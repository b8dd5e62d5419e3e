"""``evalkit tools``: an agent of one's own is connected to a simulation's mocks, and every call of them is seen."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from evalkit.commands.tools import main
from evalkit.errors import UserError

SIMULATION = "sim_support_order_status"
ANSWER = {
    "order_id": "48213",
    "status": "out for delivery",
    "expected_delivery": "Tuesday, March 3rd",
    "carrier": "Blue Van",
}


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the command as a process that serves, and what it said until then."""
    command = [sys.executable, "-m", "evalkit", "tools", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = ""
    try:
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            said += line
        yield process, said
    finally:
        process.kill()
        process.communicate()


def test_a_person_connects_an_agent() -> None:
    """The addresses are printed, the call to try works as printed, every call is told, and Ctrl-C is a good end."""
    with serving(SIMULATION) as (process, said):
        assert said.startswith(f"tools of {SIMULATION}: get_order_status, ")
        found = re.search(r"^try +(curl -d '(.*)' (\S+))$", said, re.MULTILINE)
        assert found is not None
        answer = httpx2.post(found[3], content=found[2])
        assert answer.json() == ANSWER
        root = found[3].partition("/tools/")[0]
        assert f"MCP       {root}/mcp/{SIMULATION}\n" in said
        httpx2.post(f"{root}/tools/get_order_status", json={"order_id": 7, "more": "\x1b[31m"})
        httpx2.post(f"{root}/tools/another/get_order_status", json={})
        httpx2.post(f"{root}/tools/no_such_tool", content=b"")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    number = r" +\d+\.\d\d s  webhook  "
    told = 'get_order_status {"order_id":"48213"} -> {"order_id":"48213","status":"out for'
    assert re.match(f"{number}{re.escape(told)}.*mock #1", lines[0])
    assert re.match(number + r"get_order_status \{.*\\u001b\[31m.*\(mock #2\)", lines[1])
    assert [line.strip() for line in lines if line.strip().startswith("wrong: order_id: 7")] == [
        "wrong: order_id: 7 is not of type 'string'"
    ]
    assert any(re.match(number + "get_order_status {} not answered: no call 'another' is open", line) for line in lines)
    assert re.match(number + r'no_such_tool {} -> {"status":"Unsupported tool"} \(no mock takes it\)', lines[-2])
    assert "\x1b" not in out


def test_mocks_have_a_bad_day_too() -> None:
    """The words of a run hold here: the overlay, and the port."""
    with serving(SIMULATION, "tool_mocks=flaky") as (_, said):
        url = re.search(r"^webhooks +(\S+)/NAME", said, re.MULTILINE)
        assert url is not None
        answers = [httpx2.post(f"{url[1]}/get_order_status", json={"order_id": "48213"}).json() for _ in range(2)]
    assert answers == [{"error": "temporarily unavailable, try again"}, ANSWER]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "tools: name the simulation whose tools are served; simulations: sim_"),
        (
            ["sim_support_order_statu"],
            f"'sim_support_order_statu'; did you mean '{SIMULATION}'?",
        ),
        ([SIMULATION, "sim_old_return"], f"found {SIMULATION}, sim_old_return; one simulation is served at a time"),
        ([SIMULATION, "-m"], "-m: leave it out; tools serves one simulation"),
        ([SIMULATION, "tool_host.port=0"], "tool_host.port: 0"),
        ([SIMULATION, "tool_host.public_url=mocks.example"], "tool_host.public_url: 'mocks.example'"),
        ([SIMULATION, "tool_host.prot=1"], "did you mean 'tool_host.port'"),
        ([SIMULATION, "tool_mocks=shaky"], "tool_mocks"),
        (
            [SIMULATION, "mode=crawl"],
            "tools: mode=crawl has no tools of calls that are spoken; leave mode and",
        ),
        ([SIMULATION, "input=text"], "tools: mode=run input=text has no tools of calls"),
    ],
)
def test_a_wrong_line_is_explained(words: list[str], problem: str) -> None:
    """Before anything is served."""
    with pytest.raises(UserError) as caught:
        main(words)
    assert problem in str(caught.value)


def test_a_port_that_is_taken_is_named() -> None:
    """With what to do, and in one line."""
    with serving(SIMULATION) as (_, said):
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found is not None
        command = [sys.executable, "-m", "evalkit", "tools", SIMULATION, f"tool_host.port={found[1]}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 2
    assert done.stderr.startswith(f"evalkit: tool_host: cannot listen on 127.0.0.1 port {found[1]}: ")
    assert done.stderr.count("\n") == 1
