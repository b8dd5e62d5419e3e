"""The lab as a process: it says where it is, answers there, and ends when it is asked to."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from evalkit.errors import ConfigError
from evalkit.lab.serving import serve
from evalkit.lab.settings import LabSettings


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A lab on a free port, over an empty folder."""
    line = [sys.executable, "-m", "evalkit", "lab", "--port", "0", "--no-browser"]
    with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_two_seconds_of_being_asked(process: subprocess.Popen[str], sign: signal.Signals) -> None:
    """Also with clients that hold on to it; well, without a word."""
    assert process.stdout
    assert process.stderr
    url = process.stdout.readline().strip().removesuffix("/ui/")
    with httpx.Client() as client, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as half:
        assert client.get(f"{url}/", follow_redirects=False).status_code == 307
        half.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        process.send_signal(sign)
        assert process.wait(5) == 0
        assert time.monotonic() - began < 2
    assert process.stderr.read() == ""


def test_a_taken_port_is_told(lab_settings: LabSettings) -> None:
    """With what to write instead; its home is not made for nothing."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = LabSettings(lab_settings.folders, lab_settings.home, lab_settings.working_dir, port=port)
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {port} .*--port 0 takes a free port"):
            serve(settings, lambda _: None)
    assert not lab_settings.home.exists()


def test_an_address_that_is_none_is_told(lab_settings: LabSettings) -> None:
    """A name that nobody knows, for example."""
    settings = LabSettings(lab_settings.folders, lab_settings.home, lab_settings.working_dir, host="256.0.0.1", port=0)
    with pytest.raises(ConfigError, match=r"cannot listen at 256\.0\.0\.1"):
        serve(settings, lambda _: None)
