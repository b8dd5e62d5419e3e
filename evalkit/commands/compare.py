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
from pathlib import Path
from typing import Any, NoReturn

from evalkit.errors import ConfigError
from evalkit.modes.registry import find_mode
from evalkit.reports.compare import IMPROVED, REGRESSED, CompareOptions, Comparison, compare_runs, comparison_to_json
from evalkit.reports.compare_text import comparison_lines, comparison_markdown
from evalkit.reports.pairs import Side
from evalkit.reports.rows import lookup
from evalkit.runner.run_ending import ExitCode
from evalkit.runs.stored_run import open_run
from evalkit.settings.names import did_you_mean
from evalkit.settings.schemas import all_keys

FAIL_ON = ("regression", "difference", "never")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as every other command does."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(
            f"compare: {message}; evalkit compare RUN_A RUN_B [--fail-on {'|'.join(FAIL_ON)}] [--margin X]"
        )


def main(args: Sequence[str]) -> int:
    """Compare the two runs in `args`, print what changed, and return 1 for what ``--fail-on`` names.

    Raises ConfigError for what is no run, and where not one case-trial can be paired: nothing passes for want of data.
    """
    given = _parse(args)
    before, after = read_side(given.runs[0]), read_side(given.runs[1])
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
    folder = Path(text).expanduser().resolve()
    if (folder / "index.jsonl").is_file():
        raise ConfigError(f"{folder}: is a sweep; compare takes two of the runs in it")
    run = open_run(folder, "compare")
    run.require_grades()
    return Side(
        name=_name(run.config) or folder.name,
        directory=str(folder),
        layout=find_mode(run.mode).layout,
        config=run.config,
        datasets=run.datasets,
        planned=len(run.planned),
        records=run.records,
        grades=run.grades,
    )


def _name(config: Mapping[str, Any]) -> str:
    """Return the run's name with its model, or what there is of it."""
    run_name, model = config.get("run_name"), lookup(config, ("assistant", "model"))
    return f"{run_name} ({model})" if run_name and model else str(run_name or model or "")


def _parse(args: Sequence[str]) -> Any:
    parser = _Parser(prog="evalkit compare", add_help=False, allow_abbrev=False)
    parser.add_argument("runs", nargs=2, metavar="RUN")
    parser.add_argument("--fail-on", choices=FAIL_ON, default=FAIL_ON[0])
    parser.add_argument("--margin", type=_share, default=0.0)
    parser.add_argument("--confidence", type=_share, default=0.95)
    parser.add_argument("--expect", action="append", default=[], metavar="KEY")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--markdown", action="store_true")
    given = parser.parse_args(list(args))
    if not 0.5 <= given.confidence < 1:
        parser.error(f"argument --confidence: {given.confidence:g} is not allowed; expected 0.5 to below 1")
    return given


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
