"""Jobs that differ by values have the config that Hydra composes for each, and are not composed one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig

from evalkit.compose.job_configs import compose_jobs, plain
from evalkit.compose.planning import hydra_at, plan
from evalkit.runner.jobs import packaged_source

# What a key, or a group, of a crawl may be given on a line: right, wrong, odd, and what is left to Hydra.
VALUES: Mapping[str, Sequence[str]] = {
    "seed": ["0", "1", "-7", "12345678901234567890", "1.0", "x", "null", "007", "1_000", "true"],
    "trials": ["1", "2", "+3", "'4'"],
    "assistant.model": [
        "a", "null", "'a,b'", "1e5", "'1e5'", "true", "a/b:c@d", "'${run_name}'", "${run_name}", "'???'", "''", "'x y'",
        '"it\'s"', "'null'", "nan", "\\,",
    ],
    "run_name": ["n", "null", "'m'"],
    "chunk_ms": ["20", "40.0", "null", "'60'", "abc", "${seed}"],
    "real_time": ["true", "false", "null", "1", "yes", "'off'"],
    "limits.max_cost_usd": ["1", "2.50", "1e-3", "null", "inf", "'3'"],
    "limits": ["{max_attempts:2}", "{grace_s:3}"],
    "mode.graders": ["[]", "[tool_call]", "[tool_call,tool_call_args]", "[1,x]", "null", "contains", "['${seed}']"],
    "gate.never_fail": ["[a]", "[b,c]"],
    "service.keep_alive_s": ["0", "0.5"],
    "channel": ["clean", "telephone"],
    "assistant": ["support", "clinic"],
    "mode": ["crawl", "walk"],
    "provider@judge.provider": ["local", "openai"],
    "judge.provider.base_url": ["http://127.0.0.1:1", "null"],
    "+chunk_ms": ["60"],
    "no_such_key": ["1", "2"],
}  # fmt: skip


@st.composite
def choices(draw: st.DrawFn) -> dict[str, list[str]]:
    """Draw what a line gives to up to four keys, one to three values each."""
    keys = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True))
    return {
        key: [
            f"{key}={value}"
            for value in draw(st.lists(st.sampled_from(VALUES[key]), min_size=1, max_size=3, unique=True))
        ]
        for key in keys
    }


class Composer:
    """Hydra itself; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, job: Sequence[str]) -> DictConfig:
        self.asked.append(tuple(job))
        return hydra.compose("config", list(job))


def _is_group(name: str) -> bool:
    return bool(GlobalHydra.instance().config_loader().repository.group_exists(name))


def _one_by_one(of: Mapping[str, Sequence[str]]) -> Any:
    try:
        return [(job, plain(hydra.compose("config", list(job)))) for job in product(*of.values())]
    except Exception as error:  # noqa: BLE001  an assertion of OmegaConf's among them
        return f"{type(error).__name__}: {error}"


def _together(of: Mapping[str, Sequence[str]]) -> Any:
    try:
        return [(job.overrides, job.config) for job in compose_jobs(of, Composer(), _is_group)]
    except Exception as error:  # noqa: BLE001  an assertion of OmegaConf's among them
        return f"{type(error).__name__}: {error}"


# Hydra takes its time, so what fails is not made smaller.
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
@given(choices())
def test_every_job_has_the_config_that_hydra_composes_for_it(of: dict[str, list[str]]) -> None:
    """Value by value and type by type, in the same order; a line that Hydra refuses is refused with the same words."""
    with hydra_at(packaged_source()):
        one_by_one, together = _one_by_one(of), _together(of)
    assert repr(together) == repr(one_by_one)  # NaN is not equal to itself, and 1 is equal to True


@pytest.mark.parametrize("keys", [("seed", "assistant.model"), ("mode.graders", "run_name"), ("chunk_ms", "real_time")])
def test_keys_with_every_value_that_is_right_are_as_hydra_has_them(keys: tuple[str, str]) -> None:
    """The whole grid of two keys, each value beside each other one."""
    with hydra_at(packaged_source()):
        of = {key: [f"{key}={value}" for value in VALUES[key] if _is_right(key, value)] for key in keys}
        assert all(len(texts) > 1 for texts in of.values())
        assert repr(_together(of)) == repr(_one_by_one(of))


def _is_right(key: str, value: str) -> bool:
    try:
        plain(hydra.compose("config", [f"{key}={value}"]))
    except Exception:  # noqa: BLE001
        return False
    return True


@pytest.mark.parametrize("count", [50, 400])
def test_jobs_that_differ_by_values_are_composed_once(count: int) -> None:
    """However many there are."""
    compose = Composer()
    of = {
        "assistant.model": ["assistant.model=a", "assistant.model=b"],
        "seed": [f"seed={seed}" for seed in range(count // 2)],
    }
    with hydra_at(packaged_source()):
        jobs = compose_jobs(of, compose, _is_group)
    assert len(compose.asked) == 1
    assert [job.config["seed"] for job in jobs] == [*range(count // 2)] * 2
    assert [job.config["assistant"]["model"] for job in jobs] == ["a"] * (count // 2) + ["b"] * (count // 2)


@pytest.mark.parametrize("count", [50, 400])
def test_every_choice_of_groups_is_composed_once(count: int) -> None:
    """Wherever the group stands among the keys."""
    compose = Composer()
    of = {
        "channel": ["channel=clean", "channel=telephone", "channel=noisy"],
        "seed": [f"seed={seed}" for seed in range(count)],
        "assistant": ["assistant=support", "assistant=clinic"],
    }
    with hydra_at(packaged_source()):
        jobs = compose_jobs(of, compose, _is_group)
    assert len(jobs) == 6 * count
    assert len(compose.asked) == 6


def test_jobs_share_the_nodes_in_which_they_do_not_differ() -> None:
    """So that ten thousand of them fit into memory."""
    planned = plan(["seed=range(20)", "assistant.model=a,b"], packaged_source(), multirun=True)
    first, second, *_ = (job.config for job in planned.jobs)
    assert first["provider"] is second["provider"]
    assert first["assistant"] is not second["assistant"]
    assert len({id(job.config["limits"]) for job in planned.jobs}) == 1


def test_what_an_interpolation_gives_follows_the_values(tmp_path: Any) -> None:
    """A preset may say that one key is another one's value, or has it inside."""
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nrun_name: m-${assistant.model}-${seed}\ntrials: ${seed}\n"
        "mode: {graders: ['${judge.model}', tool_call]}\n"
    )
    source = packaged_source([str(tmp_path)])
    line = ["experiment=mine", "assistant.model=a,b", "seed=1,2", "judge.model=j,k"]
    jobs = plan(line, source, multirun=True).jobs
    with hydra_at(source):
        for job in jobs:
            assert job.config == plain(hydra.compose("config", list(job.overrides)))
    assert [job.config["run_name"] for job in jobs[::2]] == ["m-a-1", "m-a-2", "m-b-1", "m-b-2"]
    assert [job.config["mode"]["graders"][0] for job in jobs[:2]] == ["j", "k"]
