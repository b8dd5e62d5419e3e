"""Files of runs: those that lie in the run, as what their endings say, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from labs import make_lab
from starlette.testclient import TestClient
from stored_runs import write_crawl

from evalkit.lab.guard import artifacts
from evalkit.lab.guard.artifacts import open_artifact, read_artifact
from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab

HOSTILE = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of a run, beside a secret that is not the run's."""
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "secret.txt").write_text("secret", encoding="utf-8")
    (tmp_path / "outputs" / "run-else").mkdir()
    (tmp_path / "outputs" / "run-else" / "secret.txt").write_text("secret", encoding="utf-8")
    return write_crawl(tmp_path / "outputs" / "run").root


@pytest.fixture
def client(tmp_path: Path, root: Path, open_client: Callable[[Lab], TestClient]) -> TestClient:
    """A client of a lab over that run; addresses begin at its artifacts."""
    lab = make_lab(tmp_path)
    run_id = lab.index.list_runs(RunQuery()).rows[0].id
    client = open_client(lab)
    client.base_url = client.base_url.join(f"/artifacts/{run_id}/")
    return client


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "..", "/", "../secret.txt", "../run-else/secret.txt", "audio/../../secret.txt", "audio/..", "./a.txt",
        "audio//a.txt", "/etc/passwd", "//etc/passwd", "audio", "records", "no.txt", "a.txt/", "a.txt/b", "a\0.txt",
        "..\\secret.txt", "audio\\a.txt", "C:\\a.txt", ".hidden", ".hydra/config.yaml", "link.txt", "linked/secret.txt",
        "loop", "inside.txt", "a" * 300, "a/" * 3000, "a\r\nx", "\udcff", "pipe.txt",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_run(root: Path, path: str) -> None:
    """Nor to what is hidden, nor over a link, also not to one that leads into the run; and none hangs."""
    (root / "a.txt").write_text("a", encoding="utf-8")
    (root / ".hidden").write_text("hidden", encoding="utf-8")
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "inside.txt").symlink_to("a.txt")
    (root / "linked").symlink_to(root.parent)
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe.txt")
    assert open_artifact(root, path) is None


def test_a_file_is_read_whole_or_not_at_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than a page can show is not held in memory."""
    (root / "a.txt").write_bytes(b"x" * 1_000_000)
    assert read_artifact(root, "a.txt") == b"x" * 1_000_000
    assert read_artifact(root, "b.txt") is None
    monkeypatch.setattr(artifacts, "LARGEST_SHOWN_BYTES", 999_999)
    assert read_artifact(root, "a.txt") is None


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("call.wav", "audio/wav", True),
        ("picture.PNG", "image/png", True),
        ("record.json", "application/json", True),
        ("page.html", "text/plain; charset=utf-8", True),
        ("page.HTM", "text/plain; charset=utf-8", True),
        ("page.xhtml", "text/plain; charset=utf-8", True),
        ("picture.svg", "text/plain; charset=utf-8", True),
        ("junit.xml", "text/plain; charset=utf-8", True),
        ("session.cast", "text/plain; charset=utf-8", True),
        ("script.js", "text/plain; charset=utf-8", True),
        ("archive.zip", "application/octet-stream", False),
        ("page.html.gz", "application/octet-stream", False),
        ("page", "application/octet-stream", False),
        ("clip.mp4", "application/octet-stream", False),
    ],
)
def test_what_a_model_wrote_is_never_a_page(client: TestClient, root: Path, name: str, kind: str, shown: bool) -> None:
    """By its ending it is sound, a picture, a text or a download; in a sandbox, and of no other type."""
    (root / "files").mkdir(exist_ok=True)
    (root / "files" / name).write_text(HOSTILE, encoding="utf-8")
    answer = client.get(f"files/{name}")
    assert (answer.status_code, answer.text) == (200, HOSTILE)
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
    download = client.get(f"files/{name}?download=true")
    assert download.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"


def test_a_report_is_shown_without_its_scripts(client: TestClient, root: Path) -> None:
    """Only the one that stands where evalkit writes it; a model could have written one elsewhere."""
    for path in ("report.html", "files/report.html"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(HOSTILE, encoding="utf-8")
    answer = client.get("report.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy
    assert client.get("files/report.html").headers["content-type"].startswith("text/plain")


def test_a_name_adds_no_header(client: TestClient, root: Path) -> None:
    """Whatever stands in it."""
    (root / 'a"; b\u00e9.txt').write_text("a", encoding="utf-8")
    answer = client.get("a%22%3B%20b%C3%A9.txt")
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''a%22%3B%20b%C3%A9.txt"


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=4-", 206, b"456789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-30", 206, b"0123456789"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=5-4", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=" + ",".join(["0-"] * 500), 200, b"0123456789"),
        ("lines=0-1", 200, b"0123456789"),
        ("bytes=٣-", 200, b"0123456789"),
        ("junk", 200, b"0123456789"),
    ],
)
def test_part_of_a_file(client: TestClient, root: Path, asked: str, status: int, content: bytes) -> None:
    """Players ask for the part that they play; several parts at once make no answer larger than the file."""
    (root / "a.wav").write_bytes(b"0123456789")
    answer = client.get("a.wav", headers={"range": asked.encode()})  # type: ignore[dict-item]
    assert (answer.status_code, answer.content) == (status, content)
    if status == 206:
        first = b"0123456789".index(content)
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(content) - 1}/10"
    if status == 416:
        assert answer.headers["content-range"] == "bytes */10"


def test_a_file_that_has_not_changed_is_not_sent_again(client: TestClient, root: Path) -> None:
    """And a part of a file that has changed is not glued to the old one."""
    path = root / "a.wav"
    path.write_bytes(b"0123456789")
    old = client.get("a.wav").headers["etag"]
    assert client.get("a.wav", headers={"if-none-match": old}).status_code == 304
    assert client.get("a.wav", headers={"range": "bytes=0-1", "if-range": old}).status_code == 206
    path.write_bytes(b"abcdefghijk")
    assert client.get("a.wav", headers={"if-none-match": old}).content == b"abcdefghijk"
    assert client.get("a.wav", headers={"range": "bytes=0-1", "if-range": old}).status_code == 200


def test_its_head_says_what_it_is(client: TestClient, root: Path) -> None:
    """Without its content."""
    (root / "a.wav").write_bytes(b"0123456789")
    answer = client.head("a.wav")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "10")


def test_sizes_are_bounded(client: TestClient, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that a tab cannot lay out is a download; what is larger than any artifact is refused."""
    (root / "a.txt").write_bytes(b"0123456789")
    monkeypatch.setattr(artifacts, "LARGEST_SHOWN_BYTES", 9)
    assert client.get("a.txt").headers["content-disposition"].startswith("attachment")
    monkeypatch.setattr(artifacts, "LARGEST_BYTES", 9)
    answer = client.get("a.txt")
    assert (answer.status_code, answer.content) == (413, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="counted in /proc")
def test_no_file_stays_open(client: TestClient, root: Path) -> None:
    """Whatever became of the request."""
    (root / "a.wav").write_bytes(b"0" * 1_000_000)
    client.get("a.wav")
    etag = client.get("a.wav").headers["etag"]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for headers in ({}, {"range": "bytes=0-1"}, {"range": "bytes=2000000-"}, {"if-none-match": etag}):
        for _ in range(3):
            client.get("a.wav", headers=headers)
            client.head("a.wav", headers=headers)
        with client.stream("GET", "a.wav", headers=headers) as answer:
            next(answer.iter_raw(10), None)
    client.get("no.wav")
    client.get("audio")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_of_an_unknown_run_there_is_none(client: TestClient) -> None:
    """The answer is the same as for a file that is not there."""
    answer = client.get("/artifacts/0000000000000000/report.html")
    assert answer.status_code == 404
    assert answer.json() == client.get("no.txt").json()
