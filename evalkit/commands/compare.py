"""``evalkit compare RUN_A RUN_B``: what changed from one run to another, paired case by case, with an exit code for CI.

============================================= =====================================================================
option                                        meaning
============================================= =====================================================================
``--fail-on regression|difference|never``     exit 1 for a regression (the default), for any significant difference,
                                              or not at all
``--margin 0.05``                             a loss up to here is accepted (default 0)
``--confidence 0.95``                         of each decision
``--expect KEY``                              a config key, or node, that is meant to differ; may be repeated
``--json``, ``--markdown``                    JSON, or Markdown for a pull-request comment, in place of text
============================================= =====================================================================
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evalkit.compose.line import LineParser, folder_at
from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.modes.registry import layout_of
from evalkit.reports.compare import IMPROVED, REGRESSED, CompareOptions, Comparison, compare_runs, comparison_to_json
from evalkit.reports.compare_text import comparison_lines, comparison_markdown
from evalkit.reports.pairs import Side
from evalkit.runner.jobs import packaged_source
from evalkit.runner.run_ending import ExitCode
from evalkit.runs.sides import make_side
from evalkit.runs.stored_run import open_run
from evalkit.settings.names import did_you_mean
from evalkit.settings.schemas import all_keys, schema_name

FAIL_ON = ("regression", "difference", "never")


def main(args: Sequence[str]) -> int:
    """Compare the two runs in `args`, print what changed, and return 1 for what ``--fail-on`` names.

    Raises ConfigError for what is no run, and where not one case-trial can be paired: nothing passes for want of data.
    """
    given, runs = _parse(args)
    before, after = _with_the_same_keys(read_side(runs[0]), read_side(runs[1]))
    modes = before.layout.mode, after.layout.mode
    if modes[0] != modes[1]:
        raise ConfigError(f"compare: A is mode={modes[0]}, B is mode={modes[1]}; compare runs of one mode")
    unknown = [key for key in given.expect if not _is_known(key)]
    if unknown:
        raise ConfigError(
            [f"compare: --expect {key}: unknown key{did_you_mean(key, list(all_keys()))}" for key in unknown]
        )
    options = CompareOptions(given.margin, given.confidence, tuple(given.expect))
    comparison = compare_runs(before, after, options)
    if not comparison.metrics:
        raise ConfigError(_why_nothing(comparison))
    if given.json:
        print(json.dumps(comparison_to_json(comparison), indent=2, ensure_ascii=False))
    else:
        print(comparison_markdown(comparison) if given.markdown else "\n".join(comparison_lines(comparison)))
    return exit_code(comparison, given.fail_on)


def exit_code(comparison: Comparison, fail_on: str) -> ExitCode:
    """Return 1 when `comparison` found what `fail_on` names, else 0."""
    verdicts = {"regression": (REGRESSED,), "difference": (REGRESSED, IMPROVED), "never": ()}[fail_on]
    return ExitCode.GATE if any(comparison.metrics_that(verdict) for verdict in verdicts) else ExitCode.OK


def _is_known(key: str) -> bool:
    return any(known == key or known.startswith(f"{key}.") or key.startswith(f"{known}.") for known in all_keys())


def read_side(text: str) -> Side:
    """Return the run in the folder `text`. Raises ConfigError when no run wrote it, or its grades are gone."""
    folder = folder_at(text)
    if (folder / "index.jsonl").is_file():
        raise ConfigError(f"{folder}: is a sweep; compare takes two of the runs in it")
    run = open_run(folder, "compare")
    return make_side(run, layout_of(run.config))


def _with_the_same_keys(before: Side, after: Side) -> tuple[Side, Side]:
    """Return both sides, with the shipped values of keys that one of them is older than."""
    if schema_name(before.config) != schema_name(after.config) or not (
        _lacks(before.config, after.config) or _lacks(after.config, before.config)
    ):
        return before, after
    shipped = plan((f"mode={before.layout.mode}",), packaged_source()).jobs[0].config
    filled = [_filled(one.config, other.config, shipped) for one, other in ((before, after), (after, before))]
    return replace(before, config=filled[0]), replace(after, config=filled[1])


def _lacks(config: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether `other` has a key that `config` has not."""
    return any(
        name not in config or (isinstance(value, Mapping) and _lacks(_node(config[name]), value))
        for name, value in other.items()
    )


def _filled(config: Mapping[str, Any], other: Mapping[str, Any], shipped: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with the shipped value of every key that `other` has and it has not."""
    filled = dict(config)
    for name, value in other.items():
        if isinstance(value, Mapping):
            filled[name] = _filled(_node(config.get(name)), value, _node(shipped.get(name)))
        elif name in shipped:
            filled.setdefault(name, shipped[name])
    return filled


def _node(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _parse(args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    usage = f"evalkit compare RUN_A RUN_B [--fail-on {'|'.join(FAIL_ON)}] [--margin X]"
    parser = LineParser("evalkit compare", usage)
    parser.add_argument("--fail-on", choices=FAIL_ON, default=FAIL_ON[0])
    parser.add_argument("--margin", type=_share, default=0.0)
    parser.add_argument("--confidence", type=_share, default=0.95)
    parser.add_argument("--expect", action="append", default=[], metavar="KEY")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--markdown", action="store_true")
    given, runs = parser.parse_words(args)
    if len(runs) != 2:
        parser.error(f"takes two runs, found {' '.join(runs) or 'none'}")
    if not 0.5 <= given.confidence < 1:
        parser.error(f"argument --confidence: {given.confidence:g} is not allowed; expected 0.5 to below 1")
    return given, runs


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; expected a number from 0 to below 1")
    return value


def _why_nothing(comparison: Comparison) -> str:
    reasons = list(dict.fromkeys(item.reason for item in comparison.unpaired))
    why = f": {'; '.join(reasons[:3])}" if reasons else ": no metric has grades in both"
    return f"compare: not one case-trial of A can be compared with one of B{why}"
