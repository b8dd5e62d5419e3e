"""Requests that mean no good, over a real socket: each ends as it should, and the lab answers the next one."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_process import LabProcess, lab_process
from stored_runs import write_crawl

from evalkit.lab.guard.gate import BODY_BYTES

HOSTILE_NAME = '<img src=x onerror="alert(1)">'
SECRET = "a-secret-beside-the-runs"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """A lab over a run that is called as no run should be, with hostile files in it and a secret beside it."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret.txt").write_text(SECRET, encoding="utf-8")
    (folder / "outputs").mkdir()
    (folder / "outputs" / "run-secrets").mkdir()
    (folder / "outputs" / "run-secrets" / "a.txt").write_text(SECRET, encoding="utf-8")
    root = write_crawl(folder / "outputs" / "run", HOSTILE_NAME, name=HOSTILE_NAME, run_id="a" * 32).root
    (root / "evil.svg").write_text(SVG, encoding="utf-8")
    (root / "evil.html").write_text(SVG, encoding="utf-8")
    (root / "report.html").write_text(SVG, encoding="utf-8")
    (root / "link.txt").symlink_to(folder / "secret.txt")
    with lab_process(folder) as lab:
        with lab.client() as client:
            while not client.get("/runs").json()["total"]:
                pass
        yield lab


def _request(lab: LabProcess, line: str, *headers: str, body: bytes = b"", host: str | None = None) -> bytes:
    own = [f"Host: {lab.host if host is None else host}", "Connection: close", *headers]
    if body:
        own.append(f"Content-Length: {len(body)}")
    own = [header.replace("OWN", lab.url) for header in own]
    return "\r\n".join([f"{line} HTTP/1.1", *own, "", ""]).encode("latin-1") + body


JSON = "Content-Type: application/json"
RUN = "a" * 16
ARTIFACTS = f"/artifacts/{RUN}"
UPGRADE = (
    "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Connection: Upgrade",
)  # fmt: skip

# What it is, the request's line, its headers, and the status that it ends with.
REQUESTS: list[tuple[str, str, tuple[str, ...], int]] = [
    ("traversal", f"GET {ARTIFACTS}/../../secret.txt", (), 404),
    ("traversal, escaped", f"GET {ARTIFACTS}/..%2f..%2fsecret.txt", (), 404),
    ("traversal, escaped dots", f"GET {ARTIFACTS}/%2e%2e/%2e%2e/secret.txt", (), 404),
    ("traversal, escaped twice", f"GET {ARTIFACTS}/%252e%252e/secret.txt", (), 404),
    ("traversal, backslashes", f"GET {ARTIFACTS}/..%5c..%5csecret.txt", (), 404),
    ("traversal, overlong UTF-8", f"GET {ARTIFACTS}/%c0%ae%c0%ae/secret.txt", (), 404),
    ("traversal in the run's id", "GET /artifacts/..%2f..%2f/secret.txt", (), 404),
    ("traversal in a case's key", f"GET /runs/{RUN}/cases/..%2f..%2fprovenance", (), 404),
    ("traversal into a sibling", f"GET {ARTIFACTS}-secrets/a.txt", (), 404),
    ("absolute path", f"GET {ARTIFACTS}//etc/passwd", (), 404),
    ("absolute path, escaped", f"GET {ARTIFACTS}/%2fetc%2fpasswd", (), 404),
    ("NUL", f"GET {ARTIFACTS}/secret.txt%00.png", (), 400),
    ("symlink out", f"GET {ARTIFACTS}/link.txt", (), 404),
    ("a folder", f"GET {ARTIFACTS}/records", (), 404),
    ("hidden files", f"GET {ARTIFACTS}/.lock", (), 404),
    ("assets traversal", "GET /ui/assets/..%2f..%2fapplication.py", (), 404),
    ("SVG with a script", f"GET {ARTIFACTS}/evil.svg", (), 200),
    ("HTML with a script", f"GET {ARTIFACTS}/evil.html", (), 200),
    ("a report with a script", f"GET {ARTIFACTS}/report.html", (), 200),
    ("foreign origin", "POST /runs", ("Origin: http://evil.test", JSON), 403),
    ("origin of another port", "POST /runs", ("Origin: http://127.0.0.1:1", JSON), 403),
    ("origin with our name as its prefix", "POST /runs", ("Origin: OWN.evil.test", JSON), 403),
    ("origin null, as a sandboxed frame has", "POST /runs", ("Origin: null", JSON), 403),
    ("our origin without our page's secret", "POST /runs", ("Origin: OWN", JSON), 403),
    ("our origin with a forged secret", "POST /runs", ("Origin: OWN", "X-Evalkit-Token: forged", JSON), 403),
    ("a form of another site", "POST /runs", ("Content-Type: application/x-www-form-urlencoded",), 415),
    ("a forged cookie", "POST /runs", ("Cookie: evalkit_session=AAAA", JSON), 403),
    ("a picture of another site", "GET /runs", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"), 403),
    ("a script of another site", "GET /openapi.json", ("Sec-Fetch-Site: same-site",), 403),
    ("a frame of another site", "GET /ui/", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: iframe"), 403),
    ("enormous query", "GET /runs?text=" + "x" * 20_000, (), 414),
    ("enormous page number", "GET /runs?page=" + "9" * 4000, (), 422),
    ("negative page", f"GET /runs/{RUN}/cases?page=-1", (), 422),
    ("SQL in a filter", "GET /runs?model='%20OR%201=1--&sort=1;drop%20table%20run", (), 200),
    ("wildcards of SQL", "GET /runs?text=%25%5f", (), 200),
    ("a thousand ranges", f"GET {ARTIFACTS}/evil.svg", ("Range: bytes=" + ",".join(["0-"] * 1000),), 200),
    ("header injection in an answer", f"GET {ARTIFACTS}/x%0d%0aSet-Cookie:%20a=b", (), 404),
    ("a redirect elsewhere", "GET //evil.test/ui/..", (), 404),
    ("a method that is none", "BREW /runs", (), 405),
    ("an answer asked to be kept by a proxy", "GET /runs", ("X-Forwarded-Host: evil.test",), 200),
]  # fmt: skip


@pytest.mark.parametrize(("line", "headers", "status"), [case[1:] for case in REQUESTS], ids=[c[0] for c in REQUESTS])
def test_it_ends_as_it_should(lab: LabProcess, line: str, headers: tuple[str, ...], status: int) -> None:
    """With its status, without the secret, under the headers of every answer; and the lab is well afterwards."""
    answer = lab.send(_request(lab, line, *headers, body=b"{}" if line.startswith("POST") else b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert SECRET.encode() not in answer
    assert b"root:" not in body
    assert b"set-cookie" not in head.lower()
    assert b"evil.test" not in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    if b"<script>" in body:
        assert b"content-security-policy: sandbox; default-src 'none'" in head.lower()
    assert lab.send(_request(lab, "GET /health")).endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    "host",
    ["evil.test", "127.0.0.1.evil.test:PORT", "evil.test:PORT", "127.0.0.1:PORT@evil.test", "127.0.0.1", "", "[::1"],
)
def test_a_name_that_was_made_to_point_here_is_refused(lab: LabProcess, host: str) -> None:
    """DNS rebinding: the browser takes the lab for the site that owns the name, but names it."""
    answer = lab.send(_request(lab, "GET /runs", host=host.replace("PORT", str(lab.port))))
    assert answer.split()[1] == b"400"
    assert HOSTILE_NAME.encode() not in answer


def test_two_hosts_are_refused(lab: LabProcess) -> None:
    """Somebody between us and the browser may believe the other one."""
    assert lab.send(_request(lab, "GET /runs", "Host: evil.test")).split()[1] == b"400"


def test_a_host_in_the_line_does_not_count(lab: LabProcess) -> None:
    """As proxies are asked."""
    answer = lab.send(_request(lab, "GET http://evil.test/runs", host="evil.test"))
    assert answer.split()[1] == b"400"


def test_a_bomb_is_not_unpacked(lab: LabProcess) -> None:
    """A body that is small here and enormous there."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    answer = lab.send(_request(lab, "POST /runs", JSON, "Content-Encoding: gzip", body=bomb))
    assert answer.split()[1] == b"415"


def test_an_enormous_body_is_not_read(lab: LabProcess) -> None:
    """It is refused by its announced length."""
    head = _request(lab, "POST /runs", JSON, "Content-Length: 99999999999")
    assert lab.send(head).split()[1] == b"413"


def test_a_body_that_never_says_how_long_it_is_is_bounded(lab: LabProcess) -> None:
    """In pieces, as many as there may be."""
    form = ("Origin: OWN", "Content-Type: multipart/form-data; boundary=b", "Transfer-Encoding: chunked")
    begun = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'.ljust(65536, b"a")
    pieces = [begun, *[b"a" * 65536] * (BODY_BYTES // 65536 - 1), b"a"]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    answer = lab.send(_request(lab, "POST /login", *form) + sent)
    assert answer.split()[1] == b"413"


def test_smuggled_requests_are_not_answered(lab: LabProcess) -> None:
    """A body that is said to be long in two ways."""
    request = _request(lab, "POST /runs", JSON, "Transfer-Encoding: chunked", "Content-Length: 4")
    answer = lab.send(request + b"0\r\n\r\nGET /runs HTTP/1.1\r\nHost: evil.test\r\n\r\n")
    assert HOSTILE_NAME.encode() not in answer
    assert len(re.findall(rb"^HTTP/1.1 ", answer, re.MULTILINE)) <= 1


def test_what_is_no_http_ends(lab: LabProcess) -> None:
    """And the lab is well."""
    for junk in (
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 10 + b"\0\r\n\r\n",
    ):
        assert b"200 OK" not in lab.send(junk)
    assert lab.send(_request(lab, "GET /health")).endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "OWN.evil.test", "https://127.0.0.1"])
def test_no_page_of_others_listens(lab: LabProcess, origin: str) -> None:
    """Browsers let any page open a WebSocket to anywhere."""
    for path in ("/stream", f"/runs/{RUN}/stream"):
        answer = lab.send(_request(lab, f"GET {path}", *UPGRADE, f"Origin: {origin}"))
        assert answer.split()[1] == b"403"


def test_a_hostile_name_stays_text(lab: LabProcess) -> None:
    """On every page that shows it."""
    with lab.client() as client:
        for path in ("/ui/", f"/ui/runs/{RUN}", "/ui/leaderboard", f"/ui/runs/{RUN}/cases/order-1", "/ui/models"):
            page = client.get(path)
            if page.status_code == 200:
                assert HOSTILE_NAME not in page.text
                assert "<img src=x" not in page.text


def test_every_page_is_under_the_strict_policy(lab: LabProcess, tmp_path: Path) -> None:
    """No page may run what does not come from the lab's own files."""
    with lab.client() as client:
        for path in ("/ui/", "/docs", "/nothing", "/runs", "/login"):
            policy = client.get(path).headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
            assert "unsafe" not in policy
