"""``evalkit calibrate``: how far the configured judge can be trusted, measured on labelled questions.

It asks the judge every question of ``judge.calibration_file`` as a grader would, and prints agreement with the labels
over what the judge decided, Cohen's kappa, how often it abstained, the confusion table, agreement by topic, and the
questions it got wrong. With ``--json`` the same stands on stdout as one JSON object.

With ``reviews=DIR…`` the questions are those that people reviewed in the lab, in the runs in these folders, and the
labels what most of them said; ``--blind`` counts only what was said without having seen a verdict. How well the people
agree with each other is printed too: no judge can be held to agree with them better than that.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit import event_loop
from evalkit.compose.line import LineParser, command_line
from evalkit.compose.planning import plan
from evalkit.datasets.calibration import LabelledQuestion, load_calibration
from evalkit.errors import ConfigError, printable
from evalkit.graders.context import Judge
from evalkit.graders.judge import ask_judge
from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.graders.transcript import TranscriptLine, TranscriptLineKind
from evalkit.lab.people.calibration import ReviewedQuestion, ReviewedSet, read_reviewed_set
from evalkit.metrics.agreement import Agreement, measure_agreement
from evalkit.metrics.cost import sum_known_usd
from evalkit.peers.embedded import service_url
from evalkit.peers.endpoints import find_endpoint_problems
from evalkit.peers.peers import open_peers
from evalkit.peers.served import find_llm_problems, served
from evalkit.records.grade import Verdict
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import find_unknown_models, read_settings
from evalkit.runner.run_ending import ExitCode
from evalkit.service.offered import offered_models
from evalkit.settings.resolution import find_missing_models
from evalkit.settings.types import RunSettings

_KINDS = {
    "user": TranscriptLineKind.CALLER,
    "assistant": TranscriptLineKind.ASSISTANT,
    "tool_call": TranscriptLineKind.CALL,
    "tool_output": TranscriptLineKind.OUTPUT,
}
_SAID = {1.0: "pass", 0.0: "fail", None: None}


@dataclass(frozen=True)
class Asked:
    """A labelled question and what the judge said to it. `said` None: no verdict."""

    question: LabelledQuestion | ReviewedQuestion
    said: str | None
    verdict: Verdict


def main(args: Sequence[str]) -> int:
    """Measure the judge that `args` configure and print the result. Raises UserError before anybody is asked."""
    usage = "evalkit calibrate [judge.model=…] [reviews=DIR …] [key=value …] [--json]"
    parser = LineParser("evalkit calibrate", usage)
    parser.take_overrides(limits="calibrate measures one judge")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--blind", action="store_true")
    flags, words = parser.parse_words(args)
    folders, overrides = split_reviews(words)
    if flags.blind and not folders:
        parser.error("--blind counts reviews; name the folders of runs: reviews=DIR")
    line = command_line(flags, overrides)
    planned = plan(line.overrides, packaged_source(line.config_dirs))
    settings = read_judge_settings(planned.jobs[0].config, Path.cwd(), os.environ)
    reviewed = read_reviewed_set(folders, only_blind=flags.blind) if folders else None
    questions = reviewed.questions if reviewed else load_calibration(settings.judge.calibration_file)
    unknown = find_unknown_models(settings, ["judge"], offered_models())
    if unknown:
        raise ConfigError(unknown)
    with (
        served(settings, ["judge"]) as addressed,
        service_url(addressed.service, needed=settings.judge.provider.name == "local", engines=()) as url,
    ):
        asked = event_loop.run(_ask_all(addressed, questions, url))
    unreached = all(answer.said is None and answer.verdict.judge["agreement"] is None for answer in asked)
    if flags.json:
        print(json.dumps(as_json(asked, settings, reviewed), indent=2))
    elif unreached:
        for reason in dict.fromkeys(answer.verdict.rationale for answer in asked):
            print(f"evalkit: the judge answered none of {len(asked)} questions: {reason}", file=sys.stderr)
    else:
        print(render(asked, settings, reviewed))
    return ExitCode.INFRASTRUCTURE if unreached else ExitCode.OK


def split_reviews(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return the folders that ``reviews=`` names, and the other words of a line.

    Commas part folders, and so do spaces: what follows ``reviews=`` and is no ``key=value`` is another folder.
    """
    folders: list[Path] = []
    others: list[str] = []
    for word in words:
        name, sign, value = word.partition("=")
        if sign and name == "reviews":
            folders += [Path(part) for part in value.split(",") if part]
            if not folders:
                raise ConfigError("reviews=: names no folder; expected reviews=DIR, a run or a folder that holds runs")
        elif folders and not sign:
            folders.append(Path(word))
        else:
            others.append(word)
    return folders, others


def read_judge_settings(config: Mapping[str, Any], working_dir: Path, environ: Mapping[str, str]) -> RunSettings:
    """Return the settings of a composed `config`, checked as far as a judge alone needs it. Raises ConfigError."""
    _, settings = read_settings(config, working_dir)
    problems = [
        *find_missing_models(settings.config, ("judge",)),
        *find_endpoint_problems([settings.judge.provider], environ),
        *find_llm_problems(settings),
    ]
    if problems:
        raise ConfigError(problems)
    judged: RunSettings = settings
    return judged


async def ask_labelled(judge: Judge, questions: Sequence[LabelledQuestion | ReviewedQuestion]) -> list[Asked]:
    """Return what `judge` says to every question, asked at once; the judge itself limits how many are under way."""
    verdicts = await asyncio.gather(*(ask_judge(judge, _as_question(question)) for question in questions))
    return [
        Asked(question, _SAID[verdict.grade], verdict) for question, verdict in zip(questions, verdicts, strict=True)
    ]


def as_json(asked: Sequence[Asked], settings: RunSettings, reviewed: ReviewedSet | None = None) -> dict[str, Any]:
    """Return the measurement as plain JSON values; `reviewed` says where the labels are from, if not from a file."""
    whole = _measure(asked)
    return {
        "judge": {
            "provider": settings.judge.provider.name,
            "model": settings.judge.model,
            "votes": settings.judge.votes,
        },
        "calibration_file": None if reviewed else str(settings.judge.calibration_file),
        "reviews": _reviews_to_json(reviewed) if reviewed else None,
        "n": whole.n,
        "decided": whole.decided,
        "agreement": whole.share,
        "agreement_ci95": [whole.interval.low, whole.interval.high] if whole.interval else None,
        "kappa": whole.kappa,
        "abstention_rate": whole.abstention_rate,
        "confusion": {
            label: {str(said or "none"): whole.confusion.get((label, said), 0) for said in ("pass", "fail", None)}
            for label in ("pass", "fail")
        },
        "topics": {
            topic: {"n": part.n, "decided": part.decided, "agreement": part.share}
            for topic, part in _by_topic(asked).items()
        },
        "disagreements": [_describe(answer) for answer in asked if answer.said not in (None, answer.question.label)],
        "abstentions": [_describe(answer) for answer in asked if answer.said is None],
        "cost_usd": sum_known_usd(_cost_usd(answer) for answer in asked),
    }


def render(asked: Sequence[Asked], settings: RunSettings, reviewed: ReviewedSet | None = None) -> str:
    """Return the measurement as text for a terminal."""
    found = as_json(asked, settings, reviewed)
    judge, confusion = found["judge"], found["confusion"]
    low_high = " to ".join(f"{bound:.0%}" for bound in found["agreement_ci95"] or ())
    lines = [
        f"judge {judge['model']} at {judge['provider']}, votes {judge['votes']}, on {_subject(found)}",
        *_people_lines(found["reviews"]),
        "",
        f"questions        {found['n']}",
        f"decided          {found['decided']}  (abstention rate {_share(found['abstention_rate'])})",
        f"agreement        {_share(found['agreement'])} of the decided" + (f"  (95 %: {low_high})" if low_high else ""),
        f"Cohen's kappa    {'none' if found['kappa'] is None else format(found['kappa'], '.2f')}",
        f"cost             {'unknown' if found['cost_usd'] is None else format(found['cost_usd'], '.4f') + ' USD'}",
        "",
        "label      judge: pass  fail  none",
        *(f"{label:<10}{row['pass']:>12}{row['fail']:>6}{row['none']:>6}" for label, row in confusion.items()),
        "",
        "topic              n  decided  agreement",
        *(
            f"{topic:<16}{part['n']:>4}{part['decided']:>9}{_share(part['agreement']):>11}"
            for topic, part in found["topics"].items()
        ),
    ]
    for name in ("disagreements", "abstentions"):
        if found[name]:
            lines += ["", f"{name}:", *(_line(entry) for entry in found[name])]
    return "\n".join(lines)


def _reviews_to_json(reviewed: ReviewedSet) -> dict[str, Any]:
    return {
        "runs": reviewed.runs,
        "reviews": reviewed.reviews,
        "left_out": reviewed.left_out,
        "people": [
            {
                "reviewers": [pair.first, pair.second],
                "n": pair.agreement.n,
                "agreement": pair.agreement.share,
                "kappa": pair.agreement.kappa,
            }
            for pair in reviewed.people
        ],
    }


def _subject(found: Mapping[str, Any]) -> str:
    reviews = found["reviews"]
    if reviews is None:
        return str(found["calibration_file"])
    runs = "1 run" if reviews["runs"] == 1 else f"{reviews['runs']} runs"
    return f"{reviews['reviews']} reviews by people in {runs}"


def _people_lines(reviews: Mapping[str, Any] | None) -> list[str]:
    """Return how well the reviewers agree, and what has no label."""
    if reviews is None:
        return []
    lines = [
        f"people           {' and '.join(map(printable, pair['reviewers']))} agree on {_share(pair['agreement'])} of "
        f"{pair['n']}, kappa {'none' if pair['kappa'] is None else format(pair['kappa'], '.2f')}"
        for pair in reviews["people"]
    ]
    lines += [f"left out         {number}: {reason}" for reason, number in reviews["left_out"].items()]
    return ["", *lines] if lines else []


async def _ask_all(
    settings: RunSettings, questions: Sequence[LabelledQuestion | ReviewedQuestion], url: str | None
) -> list[Asked]:
    async with open_peers(settings, url) as peers:
        judge = peers.judge()
        if judge is None:
            raise ConfigError("judge.model: null; calibrate needs the name of a model")
        return await ask_labelled(judge, questions)


def _as_question(question: LabelledQuestion | ReviewedQuestion) -> JudgeQuestion:
    if isinstance(question, ReviewedQuestion):
        return question.asked
    lines = [
        TranscriptLine(part.turn_index, _KINDS[part.role], part.content, part.name) for part in question.transcript
    ]
    return JudgeQuestion(question.criterion, lines)


def _measure(asked: Sequence[Asked]) -> Agreement:
    return measure_agreement([(answer.question.label, answer.said) for answer in asked])


def _by_topic(asked: Sequence[Asked]) -> dict[str, Agreement]:
    groups: dict[str, list[Asked]] = defaultdict(list)
    for answer in asked:
        groups[answer.question.topic].append(answer)
    return {topic: _measure(group) for topic, group in sorted(groups.items())}


def _describe(answer: Asked) -> dict[str, Any]:
    return {
        "id": answer.question.question_id,
        "criterion": answer.question.criterion,
        "label": answer.question.label,
        "judge": answer.said,
        "rationale": answer.verdict.rationale,
    }


def _line(entry: Mapping[str, Any]) -> str:
    return f"  {entry['id']}: label {entry['label']}, judge {entry['judge'] or 'none'}: {printable(entry['rationale'])}"


def _cost_usd(answer: Asked) -> float | None:
    cost_usd = answer.verdict.judge.get("cost_usd")
    return float(cost_usd) if isinstance(cost_usd, int | float) else None


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"
