"""The lab as a process: it says where it is, answers there, and ends when it is asked to."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from lab_process import lab_process

from evalkit.errors import ConfigError
from evalkit.lab.application import open_lab
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
def test_it_ends_when_it_is_asked_to(process: subprocess.Popen[str], sign: signal.Signals) -> None:
    """Also with clients that hold on to it; well, without a word."""
    assert process.stdout
    assert process.stderr
    url = process.stdout.readline().strip().removesuffix("/ui/")
    with httpx2.Client() as client, socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as half:
        assert client.get(f"{url}/", follow_redirects=False).status_code == 307
        half.sendall(b"GET / HTTP/1.1\r\n")
        process.send_signal(sign)
        assert process.wait(8) == 0  # two seconds, on a machine that does nothing else
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


class _Refusing:
    """A service that cannot start."""

    def start(self) -> None:
        raise ConfigError("another lab has the queue")

    def stop(self) -> None:
        """Nothing runs."""


def test_what_keeps_a_service_from_starting_is_told(
    lab_settings: LabSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As its own error; nobody is told an address that does not answer, and the server logs no trace of it."""
    lab = open_lab(lab_settings)
    monkeypatch.setattr("evalkit.lab.serving.open_lab", lambda _: replace(lab, services=(_Refusing(),)))
    with pytest.raises(ConfigError, match="another lab has the queue"):
        serve(replace(lab_settings, port=0), lambda _: pytest.fail("it is not up"))
    assert caplog.text == ""


def test_a_home_that_cannot_be_used_is_told(lab_settings: LabSettings, tmp_path: Path) -> None:
    """With what to write instead."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/home: .*--home DIR names another folder"):
        serve(replace(lab_settings, port=0, home=tmp_path / "file" / "home"), lambda _: None)


def test_whoever_comes_from_elsewhere_needs_the_token(tmp_path: Path) -> None:
    """It is printed when it is made, and never again; the lab knows it all the same."""
    with lab_process(tmp_path, host="0.0.0.0") as lab, lab.client() as client:
        client.base_url = f"http://127.0.0.1:{lab.port}"
        assert len(lab.token) > 40
        assert client.get("/runs").status_code == 401
        assert client.get("/runs", headers={"authorization": "Bearer guess"}).status_code == 401
        assert client.get("/runs", headers={"authorization": f"Bearer {lab.token}"}).status_code == 200
        assert client.get("/ui/", headers={"accept": "text/html"}).headers["location"] == "/login"
        own = {"origin": str(client.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
        assert client.post("/login", data={"token": lab.token}, headers=own).headers["location"] == "/ui/"
        assert client.get("/ui/", headers={"accept": "text/html"}).status_code == 200
    with lab_process(tmp_path, host="0.0.0.0", told=1) as again, again.client() as client:
        client.base_url = f"http://127.0.0.1:{again.port}"
        assert client.get("/runs", headers={"authorization": f"Bearer {lab.token}"}).status_code == 200
        again.process.terminate()
        assert again.process.stdout
        assert again.process.stdout.read() == ""


def test_an_address_that_is_none_is_told(lab_settings: LabSettings) -> None:
    """A name that nobody knows, for example."""
    settings = LabSettings(lab_settings.folders, lab_settings.home, lab_settings.working_dir, host="256.0.0.1", port=0)
    with pytest.raises(ConfigError, match=r"cannot listen at 256\.0\.0\.1"):
        serve(settings, lambda _: None)
