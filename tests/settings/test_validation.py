"""Every wrong value is named with its path, the value, and what is allowed; all at once."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.compose.planning import plan
from evalkit.runner.jobs import packaged_source
from evalkit.service.brain.chat.endpoint import OWN_FIELDS
from evalkit.settings.schemas import mode_names, run_keys, schema_names
from evalkit.settings.validation import find_contradictions, find_problems, find_value_problem


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The shipped default config, composed."""
    return dict(plan([], packaged_source()).jobs[0].config)


def test_the_shipped_default_is_valid(config: dict[str, Any]) -> None:
    """Nothing to say about what ships."""
    assert find_problems(config) == []
    assert find_contradictions(config) == []


def test_all_problems_are_listed_at_once(config: dict[str, Any]) -> None:
    """A user mends everything in one go."""
    wrong = copy.deepcopy(config)
    wrong["chunk_ms"] = 3
    wrong["mode"]["graders"] = "tool_call"
    wrong["surprise"] = 1
    del wrong["seed"]
    problems = "\n".join(find_problems(wrong))
    assert "chunk_ms: 3 is not allowed; expected integer ≥ 5" in problems
    assert "mode.graders: 'tool_call' is not allowed" in problems
    assert "surprise: unknown key" in problems
    assert "seed: is missing" in problems


def test_what_is_right_in_one_job_is_not_taken_for_right_in_another(config: dict[str, Any]) -> None:
    """Jobs of a sweep are checked one after the other: a node that differs is looked at, also if it looks alike."""
    assert find_problems(config) == []
    for value, is_right in ((2, True), (True, False), (2.5, False), ("2", False), (0, False), (1, True)):
        assert (find_problems({**config, "trials": value}) == []) is is_right
    limits = {**config["limits"], "max_attempts": -1}
    assert find_problems({**config, "limits": limits}) == find_problems({**config, "limits": dict(limits)}) != []
    assert find_problems({**config, "more": 1}) != []
    assert find_problems({key: value for key, value in config.items() if key != "limits"}) != []
    assert find_problems(config) == []


def test_every_missing_key_is_named(config: dict[str, Any]) -> None:
    """`~key` cannot slip through: each key is required."""
    for path in run_keys("crawl"):
        wrong = copy.deepcopy(config)
        *nodes, leaf = path.split(".")
        node = wrong
        for name in nodes:
            node = node[name]
        del node[leaf]
        assert find_problems(wrong) == [f"{path}: is missing; every key must have a value"]


@given(
    path=st.sampled_from(sorted(run_keys("crawl"))),
    value=st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.lists(st.integers())),
)
def test_no_value_crashes_the_check(config: dict[str, Any], path: str, value: Any) -> None:
    """Whatever stands in a YAML file, the answer is a list of messages that name its key."""
    wrong = copy.deepcopy(config)
    *nodes, leaf = path.split(".")
    node = wrong
    for name in nodes:
        node = node[name]
    node[leaf] = value
    assert all(path in problem for problem in find_problems(wrong))


def test_a_mode_that_is_not_installed_is_answered_with_the_nearest(config: dict[str, Any]) -> None:
    """Its schema says what the other keys may be, so there is nothing else to say."""
    wrong = {**config, "mode": {**config["mode"], "name": "crawll"}}
    (problem,) = find_problems(wrong)
    assert "mode.name: 'crawll' is not a mode; did you mean 'crawl'?" in problem
    assert all(mode in problem for mode in mode_names())


@pytest.mark.parametrize("schema", schema_names())
def test_a_mode_has_no_keys_of_another(schema: str) -> None:
    """A recording is not spoken, a text is not heard: what a mode does not need is unknown in it."""
    mode, _, chosen = schema.partition(".")
    config = dict(plan([f"mode={mode}", *([f"input={chosen}"] if chosen else [])], packaged_source()).jobs[0].config)
    assert find_problems(config) == []
    assert find_problems({**config, "elsewhere": {"key": 1}})[0].startswith("elsewhere: unknown key")
    assert set(config) == {path.split(".")[0] for path in run_keys(schema)}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "replay"}, "provider.run: null; provider=replay needs the directory of a stored run"),
        ({"name": "replay", "run": "r", "base_url": "http://h/v1"}, "served at an address of its own"),
        ({"name": "openai", "run": "r", "base_url": "http://h/v1"}, "only provider=replay serves a stored run"),
    ],
)
def test_a_stored_run_belongs_to_the_replay(config: dict[str, Any], changed: dict[str, str], words: str) -> None:
    """It needs one, and nobody else may name one."""
    wrong = copy.deepcopy(config)
    wrong["provider"] |= changed
    (problem,) = find_contradictions(wrong)
    assert words in problem


def test_a_remote_provider_needs_a_url(config: dict[str, Any]) -> None:
    """provider=compatible without base_url says what to add."""
    wrong = copy.deepcopy(config)
    wrong["provider"]["name"] = "compatible"
    assert find_contradictions(wrong) == ["provider.base_url: null; provider=compatible needs the URL of an endpoint"]


def test_a_list_is_shown_as_it_is_written() -> None:
    """Brackets and quotes are what people forget."""
    problem = find_value_problem(run_keys("crawl")["gate.never_fail"], "cancel-please")
    assert problem is not None
    assert problem.endswith("write 'gate.never_fail=[cancel-please]'")


@pytest.mark.parametrize(
    ("key", "url"),
    [("target.url", "ws://me:sesame@h/ws"), ("tool_host.public_url", "https://me:sesame@[h/tools")],
)
def test_a_password_in_a_url_is_refused_and_not_shown(key: str, url: str) -> None:
    """Whoever reads the terminal, or the log of a scheduler, does not learn it."""
    problem = find_value_problem(run_keys("run")[key], url)
    assert problem is not None
    assert problem.startswith(f"{key}: must not hold a user name or password (the value is not shown); expected text")
    assert "sesame" not in problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"temperature": 0.7, "seed": None, "top_k": 20, "chat_template_kwargs": {"thinks": False}}, None),
        ({"temperature": 3}, "service.brain_options.temperature: 3 is not allowed; expected number ≥ 0 ≤ 2 or null"),
        ({"max_tokens": 0}, "service.brain_options.max_tokens: 0 is not allowed; expected integer ≥ 1 or null"),
        ({"max_completion_tokens": "9"}, "service.brain_options.max_completion_tokens: '9' is not allowed"),
        ({"reasoning_effort": 1}, "service.brain_options.reasoning_effort: 1 is not allowed; expected string or null"),
        ({"chat_template_kwargs": True}, "service.brain_options.chat_template_kwargs: True is not allowed"),
    ],
)
def test_options_of_a_brain_are_checked_where_they_are_known(
    config: dict[str, Any], options: dict[str, Any], problem: str | None
) -> None:
    """Endpoints have others too."""
    wrong = copy.deepcopy(config)
    wrong["service"] |= {"brain": "chat", "brain_url": "http://h/v1", "brain_options": options}
    told = [*find_problems(wrong), *find_contradictions(wrong)]
    assert len(told) == (problem is not None)
    assert all(one.startswith(problem or "") for one in told)


def test_both_sides_of_the_socket_know_what_a_brain_asks_by_itself(config: dict[str, Any]) -> None:
    """So that what a run allows is not refused by its service."""
    asked = copy.deepcopy(config)
    asked["service"] |= {"brain": "chat", "brain_url": "http://h/v1", "brain_options": dict.fromkeys(OWN_FIELDS)}
    assert len(find_contradictions(asked)) == len(OWN_FIELDS)


@pytest.mark.parametrize("url", ["http://[", "http://host:99999999/v1", "http://host:port/v1"])
@pytest.mark.parametrize("key", ["service.base_url", "service.brain_url", "target.url", "tool_host.public_url"])
def test_a_url_that_leads_nowhere_is_refused_before_anything_starts(config: dict[str, Any], key: str, url: str) -> None:
    """By its key, with what is wrong with it and one that is right."""
    wrong = copy.deepcopy(config)
    node, name = key.split(".")
    wrong["service"]["brain"] = "chat" if name == "brain_url" else "rules"
    wrong[node][name] = url
    (problem,) = find_contradictions(wrong)
    assert problem.startswith(f"{key}: is not a URL (")
    assert "; expected for example " in problem


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ({"brain_url": "http://h/v1"}, "service.brain_url: only service.brain=chat asks an endpoint"),
        ({"brain_api_key_env": "MY_KEY"}, "service.brain_api_key_env: only service.brain=chat asks an endpoint"),
        ({"brain": "chat", "brain_url": "http://me:sesame@h/v1"}, "service.brain_url: must not hold a user name"),
        ({"brain": "chat", "brain_url": "http://me:sesame/@h/v1"}, "service.brain_url: is not a URL"),
        ({"brain_options": {"seed": 1}}, "service.brain_options: only service.brain=chat asks an endpoint"),
        ({"brain_tools": "json"}, "service.brain_tools: only service.brain=chat asks an endpoint"),
        ({"brain": "chat", "brain_options": {"tools": []}}, "service.brain_options.tools: is what a brain asks"),
    ],
)
def test_a_brain_and_its_endpoint_go_together(config: dict[str, Any], service: dict[str, Any], problem: str) -> None:
    """And no password stands in a URL, nor in what is said about it."""
    wrong = copy.deepcopy(config)
    wrong["service"].update(service)
    assert find_problems(wrong) == []
    (told,) = find_contradictions(wrong)
    assert told.startswith(problem)
    assert "sesame" not in told


def test_a_mode_that_asks_a_text_model_needs_no_brain() -> None:
    """It is asked at its own address, which is said."""
    wrong = dict(plan(["mode=coding", "service.brain=chat"], packaged_source()).jobs[0].config)
    (told,) = find_contradictions(wrong)
    assert told.startswith("service.brain: chat is for calls")
    assert "provider=compatible" in told
