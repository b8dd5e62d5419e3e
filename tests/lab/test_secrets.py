"""No key is in any answer, header, message or file of the lab, however it came to know it."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest
from lab_process import LabProcess, lab_process
from stored_runs import write_crawl
from websockets.sync.client import connect

CANARY = "canary-7f3a91c2d4"
RUN = "a" * 16
_QUERIES = 6
_LINK = re.compile(r'(?:href|src|hx-get|action|data-[a-z-]*url|data-src)="([^"#]+)')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a run, and a file of keys."""
    folder = tmp_path_factory.mktemp("keys")
    write_crawl(folder / "outputs" / "run", "model-a", run_id="a" * 32)
    write_crawl(folder / "outputs" / "other", "model-b", run_id="b" * 32)
    (folder / ".env").write_text(f"ANTHROPIC_API_KEY={CANARY}-in-a-file\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[LabProcess]:
    """A lab whose environment has keys."""
    keys = dict.fromkeys(("OPENAI_API_KEY", "OPENROUTER_API_KEY", "AZURE_API_KEY", "GEMINI_API_KEY"), CANARY)
    with lab_process(folder, environ=keys) as lab:
        with lab.client() as client:
            while client.get("/runs").json()["total"] < 2:
                pass
        yield lab


def _follow_all_links(client: httpx2.Client, begin: list[str]) -> dict[str, httpx2.Response]:
    """Return address -> answer of all that a reader of the lab comes to; of one path, only a few queries."""
    queries: Counter[str] = Counter()
    answers: dict[str, httpx2.Response] = {}
    left = list(begin)
    while left:
        path = left.pop()
        queries[urlsplit(path).path] += 1
        if path in answers or queries[urlsplit(path).path] > _QUERIES:
            continue
        answer = answers[path] = client.get(path)
        found = [answer.headers["location"]] if answer.is_redirect else []
        if answer.headers.get("content-type", "").startswith("text/html"):
            found = [html.unescape(link) for link in _LINK.findall(answer.text)]
        for link in found:
            target = urlsplit(urljoin(str(client.base_url.join(path)), link))
            if target.netloc == urlsplit(str(client.base_url)).netloc and "/assets/" not in target.path:
                left.append(target.path + (f"?{target.query}" if target.query else ""))
    return answers


@pytest.fixture(scope="module")
def answers(lab: LabProcess) -> dict[str, httpx2.Response]:
    """What the lab answers on all pages that can be reached from the first."""
    with lab.client() as client:
        return _follow_all_links(client, ["/"])


def test_every_link_leads_somewhere(answers: dict[str, httpx2.Response]) -> None:
    """From the first page on, to the files of the runs."""
    assert [path for path, answer in answers.items() if answer.status_code >= 400] == []
    for name in ("/ui/leaderboard", "/ui/launch", f"/ui/runs/{RUN}/cases/order-1", f"/artifacts/{RUN}/journal.jsonl"):
        assert any(path.startswith(name) for path in answers), name


def test_no_key_is_in_any_answer(lab: LabProcess, answers: dict[str, httpx2.Response]) -> None:
    """On all pages that can be reached, in all that the API answers, and in what it refuses."""
    known = {"key": "order-1", "case_id": "order-1", "path": "provenance.json"}
    with lab.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
        asked = [
            re.sub(r"{(\w+)}", lambda name: known.get(name[1], RUN), path) for path in paths if "get" in paths[path]
        ]
        more = ["/openapi.json", "/nothing", "/runs?page=x", "/models/capabilities?model_id=gpt-4o", "/runs?format=csv"]
        told = {path: client.get(path) for path in (*asked, *more)}
    assert len(answers) > 25
    for path, answer in {**answers, **told}.items():
        assert answer.status_code < 500, path
        assert CANARY.encode() not in answer.content, path
        assert CANARY not in str(answer.headers), path


def test_no_key_is_in_the_labs_own_files(lab: LabProcess, folder: Path) -> None:
    """Nor in what it printed."""
    files = [path for path in (folder / "outputs" / ".lab").rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in "".join(lab.said)


def test_no_key_is_in_any_message(lab: LabProcess) -> None:
    """Of what happened in a run."""
    with connect(f"{lab.url.replace('http', 'ws')}/runs/{RUN}/stream?cursor=0", origin=lab.url) as stream:  # type: ignore[arg-type]
        first = str(stream.recv(timeout=10))
    assert RUN in first
    assert CANARY not in first
