"""The service as a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import psutil
import pytest

from evalkit.errors import ConfigError
from evalkit.service.engines import EngineChoice
from evalkit.service.server import ServerOptions, serve

REMOTE = EngineChoice(
    speech="openai", transcription="openai", base_url="http://127.0.0.1:1/v1", speech_model="v", transcription_model="e"
)
_LEAVES = """
import sys
from evalkit.service.engines import EngineChoice
from evalkit.service.server import ServerOptions, serve
engines = EngineChoice("openai", "openai", base_url="http://127.0.0.1:1/v1", speech_model="v", transcription_model="e")
serve(ServerOptions(leave_with_stdin=True), engines)
"""


def test_a_port_in_use():
    """A port that is taken is a configuration error that names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}: .* --port"):
            serve(ServerOptions(port=port), REMOTE)


def test_it_leaves_when_stdin_closes_even_with_a_client():
    """Closing stdin ends the process with code 0, also while a client holds on; stdout is one line."""
    with subprocess.Popen([sys.executable, "-c", _LEAVES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        assert (ready["speech"], ready["transcription"]) == ("openai", "openai")
        host, port = ready["url"].removeprefix("http://").removesuffix("/v1").split(":")
        with socket.create_connection((host, int(port))) as held:
            held.send(b"GET ")
            process.stdin.close()
            started = time.monotonic()
            assert process.wait(10) == 0
            assert time.monotonic() - started < 5
        assert process.stdout.read() == b""


@pytest.mark.parametrize(("host", "is_warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_a_warning_beyond_loopback(host, is_warned, caplog):
    """Listening where others can reach it is said aloud."""
    with socket.socket() as taken:
        taken.bind((host, 0))
        taken.listen()
        with pytest.raises(ConfigError):
            serve(ServerOptions(host=host, port=taken.getsockname()[1]), REMOTE)
    assert bool(caplog.records) is is_warned


def test_only_this_machine_reaches_it_by_default():
    """Left alone it listens on the loopback address and on no other."""
    with subprocess.Popen([sys.executable, "-c", _LEAVES], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = urlsplit(json.loads(process.stdout.readline())["url"])
        listening = {each.laddr.ip for each in psutil.Process(process.pid).net_connections() if each.status == "LISTEN"}
        process.stdin.close()
        process.wait(10)
    assert (ServerOptions().host, url.hostname) == ("127.0.0.1", "127.0.0.1")
    assert listening == {"127.0.0.1"}
