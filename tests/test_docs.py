"""The documentation says what the code does: generated parts are made again and compared, tables name what exists."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from factories import make_record
from turn_taking_notes import heard

from evalkit.cli import COMMANDS
from evalkit.compose.planning import plan
from evalkit.graders.context import GraderContext
from evalkit.modes.registry import find_mode, mode_of
from evalkit.records.case import Case
from evalkit.records.grade import GraderSpec
from evalkit.records.line_findings import FINDINGS
from evalkit.records.match_rules import MATCH_RULES
from evalkit.records.record import CaseRecord, ToolCall, Turn, Words
from evalkit.reports.hearing import summarize_hearing
from evalkit.reports.rows import Row
from evalkit.reports.sound_arrival import summarize_line_findings
from evalkit.reports.tool_modes import summarize_tool_modes
from evalkit.reports.turn_taking import summarize_turn_taking
from evalkit.runner.jobs import packaged_source
from evalkit.runner.run_ending import ExitCode
from evalkit.settings.schemas import DEFAULT_INPUT, load_schema, make_validator, schema_names
from evalkit.store.run_directory import RunStatus

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
ROOT_DOCUMENTS = sorted(ROOT.glob("*.md"))
GOLDEN = ROOT / "tests" / "reports" / "golden"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _load(DOCS / "generate.py")


def _table(page: Path, header: str) -> list[list[str]]:
    """Return the cells of each row of the one table in `page` that begins with `header`."""
    text = page.read_text(encoding="utf-8")
    assert text.count(f"\n{header}\n") == 1, f"{page.name}: no table, or several, with {header!r}"
    lines = text.partition(f"\n{header}\n")[2].splitlines()
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[1:])
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def _names(page: Path, header: str) -> list[str]:
    """Return every name in backticks in the first column of a table."""
    return [name for row in _table(page, header) for name in re.findall(r"`([^`]+)`", row[0])]


def _code(page: Path, language: str) -> str:
    """Return the one block of `language` that somebody wrote by hand in `page`."""
    written = re.sub("<!-- begin .*?<!-- end ", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    blocks = re.findall(rf"```{language}\n(.*?)```", written, re.DOTALL)
    assert len(blocks) == 1, f"{page.name} has {len(blocks)} blocks of {language}"
    return str(blocks[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_parts_are_those_of_the_code(page: Path) -> None:
    """`python docs/generate.py` brings them up to date."""
    text = page.read_text(encoding="utf-8")
    assert generate.render(text) == text


def test_every_generated_part_stands_in_one_page() -> None:
    """A part that nobody shows, or that is shown twice, is noticed."""
    shown = [
        name for page in PAGES for name in re.findall("<!-- begin ([a-z-]+) -->", page.read_text(encoding="utf-8"))
    ]
    assert sorted(shown) == sorted(generate.PARTS)


def test_every_option_says_what_it_is() -> None:
    """Its file begins with a sentence that stands alone."""
    rows = re.findall(
        r"^\| `([a-z_]+=[a-z_]+)` \| (.*) \|$", (DOCS / "configuration.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows
    assert [option for option, about in rows if not about] == []


def test_an_outdated_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """With --check nothing is written and the exit code is 1; without, the page is brought up to date."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin old-flags -->\nnothing\n<!-- end old-flags -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(generate, "PAGES", (page,))
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "page.md is out of date" in capsys.readouterr().err
    assert "nothing" in page.read_text(encoding="utf-8")
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert page.read_text(encoding="utf-8").startswith("before\n<!-- begin old-flags -->\n\n| flag | write |\n")


def test_the_readme_is_short() -> None:
    """A visitor reads it in one go; what is longer has a page."""
    assert len(README.read_bytes()) <= 14_000


def test_the_readme_lists_exactly_the_commands() -> None:
    """A stranger finds each of them, and none that is gone."""
    first_words = [re.match(r"evalkit ([a-z]+)", name) for name in _names(README, "| command | does |")]
    assert sorted(word[1] for word in first_words if word) == sorted(COMMANDS)


def test_the_readme_lists_exactly_the_exit_codes() -> None:
    """A script's author can rely on the table."""
    assert [int(row[0]) for row in _table(README, "| exit | meaning |")] == [int(code) for code in ExitCode]


@pytest.mark.parametrize(("name", "lock"), [("run", "requirements/local.txt"), ("test", "requirements/dev.txt")])
def test_the_readmes_commands_can_be_read_by_a_script(name: str, lock: str) -> None:
    """CI takes the test command from there: one line in the block behind the marker, installing what is locked."""
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- command: {name} -->\n```bash\n(.+)\n```\n", text)
    assert found
    assert f"--require-hashes -r {lock}" in found[1]
    assert (ROOT / lock).is_file()


def test_the_results_page_explains_exactly_the_columns() -> None:
    """Every column of every mode, and no other."""
    modes = generate.shipped_groups()["mode"]
    columns = {column for mode in modes for column in find_mode(mode).layout.columns_with(["<grader_id>"])}
    assert sorted(_names(DOCS / "results.md", "| column | meaning |")) == sorted(columns)


def test_the_results_page_explains_exactly_the_summary() -> None:
    """Every key of the golden summaries, and every setting of a mode, is explained; every explained one is there."""
    explained = [re.sub("<[a-z]+>", "*", name) for name in _names(DOCS / "results.md", "| key | meaning |")]
    settings = _names(DOCS / "results.md", "| key | config key | when that is null | modes |")
    keys = {key for file in GOLDEN.glob("*.json") for key in json.loads(file.read_text(encoding="utf-8"))["summary"]}
    layouts = [
        mode_of({"mode": {"name": mode}, "input": chosen or DEFAULT_INPUT}).layout
        for mode, _, chosen in (name.partition(".") for name in schema_names())
        if mode in generate.shipped_groups()["mode"]
    ]
    keys |= {setting.key for layout in layouts for setting in layout.settings}
    keys |= {
        key for layout in layouts if layout.outcome_column and layout.breakdowns for key in ("outcomes", "passed_by")
    }
    keys |= set(summarize_hearing([Row("k", "k", scored=True, cells={"argument_words": 1})]))
    keys |= set(summarize_turn_taking([make_record(notes={"turn_taking": heard([1.0])})], 0))
    told = make_record(turns=(Turn(1, "Hi.", labels={"tool_mode": "json"}),))
    keys |= set(summarize_tool_modes([told]))
    keys |= set(summarize_line_findings([make_record(notes={"turn_taking": {"line_findings": {}}})]))
    assert {key for key in keys - set(settings) if not any(fnmatchcase(key, name) for name in explained)} == set()
    assert [name for name in [*explained, *settings] if not any(fnmatchcase(key, name) for key in keys)] == []


def test_the_targets_page_explains_exactly_what_is_found_on_a_line() -> None:
    """With the same words, and whose fault it is."""
    rows = _table(DOCS / "targets.md", "| finding | what happened | whose fault |")
    told = {name.strip("`"): (meaning, fault) for name, meaning, fault in rows}
    assert told == {
        str(name): (found.meaning, "harmless" if found.fault is None else str(found.fault))
        for name, found in FINDINGS.items()
    }


def test_the_match_rules_are_exactly_these() -> None:
    """Whoever writes cases sees every rule."""
    assert sorted(_names(DOCS / "cases.md", "| rule | what counts as the same |")) == sorted(MATCH_RULES)


def test_the_statuses_are_exactly_these() -> None:
    """Whoever reads status.json knows what each word means."""
    assert _names(DOCS / "run-directory.md", "| status | meaning |") == [status.value for status in RunStatus]


def test_the_preset_of_the_configuration_page_composes(tmp_path: Path) -> None:
    """Copied as it stands, it does what it says."""
    preset = tmp_path / "experiment" / "nightly.yaml"
    preset.parent.mkdir()
    preset.write_text(_code(DOCS / "configuration.md", "yaml"), encoding="utf-8")
    config = plan(["experiment=nightly"], packaged_source([tmp_path])).jobs[0].config
    assert (config["channel"]["name"], config["trials"]) == ("telephone", 3)
    assert config["limits"]["max_cost_usd"] == 5


async def test_the_example_grader_grades() -> None:
    """Copied as it stands, it gives 1, 0 and None as its docstring says."""
    names: dict[str, Any] = {}
    exec(_code(DOCS / "extending.md", "python"), names)  # noqa: S102  our own documentation
    (grader,) = names["GRADERS"]
    call = ToolCall("get_order_status", {"order_id": "48213"}, "{}", "call_1")
    spec = GraderSpec("reads_back", "reads_back", {"argument": "order_id"})
    turns = (
        Turn(1, "where is it?", (call, Words("Order 48213 is on its way."))),
        Turn(2, "where is it?", (call, Words("It is on its way."))),
        Turn(3, "where is it?", (Words("Which order?"),)),
    )
    record = CaseRecord(
        case=Case("c1", "run", {}), trial=1, seed=0, reuse_key="", settings={}, turns=turns, failure=None,
        attempts=(), cost_usd={}, served_model="", started_at="", duration_ms=0.0,
    )  # fmt: skip
    grades = [(await grader.grade(GraderContext(record, turn, spec))).grade for turn in turns]
    assert grades == [1, 0, None]


def test_the_example_provider_is_valid() -> None:
    """Copied as it stands, the schema accepts it."""
    preset = yaml.safe_load(_code(DOCS / "extending.md", "yaml"))
    assert list(make_validator(load_schema("provider")).iter_errors(preset)) == []


@pytest.mark.parametrize("document", ROOT_DOCUMENTS, ids=lambda page: page.name)
def test_every_file_a_document_points_to_exists(document: Path) -> None:
    """No dead links and no missing pictures, also where MkDocs does not look."""
    targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def _build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config), "--site-dir", str(site)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def site_source(tmp_path: Path) -> Path:
    """A copy of what the site is made from."""
    shutil.copytree(DOCS, tmp_path / "docs")
    return Path(shutil.copy(ROOT / "mkdocs.yml", tmp_path))


def test_the_site_is_built_and_loads_nothing_from_elsewhere(site_source: Path, tmp_path: Path) -> None:
    """Every page is there, and scripts, styles and pictures are all files of the site."""
    built = _build(site_source, tmp_path / "site")
    assert built.returncode == 0, built.stderr
    pages = {page.stem for page in (tmp_path / "site").glob("*.html")} - {"404"}
    assert pages == {page.stem for page in DOCS.glob("*.md")}
    for page in (tmp_path / "site").glob("*.html"):
        html = page.read_text(encoding="utf-8")
        loaded = re.findall(r"""<(?:script|img|iframe)[^>]+src=["']([^"']+)|<link[^>]+href=["']([^"']+)""", html)
        assert [link for link in loaded if any("//" in part for part in link)] == [], page.name


@pytest.mark.parametrize("link", ["[gone](gone.md)", "[gone](cli.md#gone)", "![gone](gone.png)", "[gone](/gone)"])
def test_a_dead_link_fails_the_build(site_source: Path, tmp_path: Path, link: str) -> None:
    """Of a page, a heading, a picture, or one that only works at some address."""
    with (site_source.parent / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{link}\n")
    built = _build(site_source, tmp_path / "site")
    assert built.returncode != 0
    assert "gone" in built.stderr


def test_ci_runs_the_same_steps_on_every_python_that_is_promised() -> None:
    """The versions of the workflow are those of the package's classifiers, and each runs .ci/run."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [found[1] for found in map(re.compile(r".*Python :: (3\.\d+)").match, project["classifiers"]) if found]
    job = workflow["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == promised
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_the_hooks_run_what_make_check_runs() -> None:
    """A commit that passes the hooks passes the check; all hooks are tools of the virtual environment."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    entries = {hook["entry"].removeprefix(".venv/bin/") for hook in hooks[0]["hooks"]}
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
    checks = {line.strip() for line in re.findall(r"\$\(BIN\)/([^.\n]*)", recipe.replace(" --check", ""))}
    assert checks
    assert checks <= entries
