"""A server that keeps its own turn detection is refused by the installed command before anything is graded."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator

import pytest
from harness import Cli, read_json
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve


def _converse(socket: ServerConnection) -> None:
    """Take the session but for its turn detection, and answer each request with words that would pass."""
    session = {"type": "realtime", "model": "stubborn", "turn_detection": {"type": "server_vad"}}
    with contextlib.suppress(ConnectionClosed):
        socket.send(json.dumps({"type": "session.created", "session": session}))
        for message in socket:
            event = json.loads(message)
            if event["type"] == "session.update":
                socket.send(json.dumps({"type": "session.updated", "session": session}))
            elif event["type"] == "response.create":
                part = {"type": "output_text", "text": "Of course."}
                output = [{"type": "message", "id": "i1", "role": "assistant", "content": [part]}]
                response = {"id": "r1", "status": "completed", "output": output}
                socket.send(json.dumps({"type": "response.done", "response": response}))


@pytest.fixture
def stubborn_url() -> Iterator[str]:
    """The base URL of such a server, on a thread of its own."""
    with serve(_converse, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        server.shutdown()
        thread.join()


def test_a_server_that_keeps_its_turn_detection_is_refused(cli: Cli, stubborn_url: str) -> None:
    """Exit 3, one try, one sentence in the table, no grade: its answers might belong to anything."""
    done = cli(
        "provider@assistant.provider=compatible", f"assistant.provider.base_url={stubborn_url}",
        "assistant.model=stubborn", "max_examples=1", "report.plots=false",
    )  # fmt: skip
    assert done.code == 3, done.err
    (row,) = done.rows
    assert (row["fault"], row["failure_stage"]) == ("infrastructure", "session_update")
    (path,) = (done.directory / "records").glob("*.json")
    record = read_json(path)
    assert "keeps its own turn detection: its session.updated says 'server_vad'" in record["failure"]["message"]
    assert len(record["attempts"]) == 1
    grades = [json.loads(line) for line in (done.directory / "grades.jsonl").read_text().splitlines()]
    assert [grade["grade"] for grade in grades] == [None] * len(grades)
