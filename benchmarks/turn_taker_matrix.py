"""Which metric of turn-taking shows which model that takes turns badly: holds the same calls with all of them.

    python benchmarks/turn_taker_matrix.py [--models local-deaf,local-eager,…] [--calls 15] [--json FILE] [--keep DIR]

Each model is `local-agent` with one known defect in when it speaks and when it stops. In each call the caller asks for
something that the agent cannot do, pausing once, and hears a long answer. Of three calls, over the answer of one he
speaks to somebody else and says "okay"; over that of the next he says "um", and then interrupts it; over that of the
third he murmurs at length, which nobody can tell from an interruption while it lasts. What is said is recognised in a
run before, and then remembered, so that no latency is a recogniser's. A metric in bold is worse than `local-agent`'s by
more than its tolerance. Exit code 1: a model's own metrics do not show it, or another metric does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.metrics.turn_taking.panel import measure_calls
    from evalkit.metrics.turn_taking.timeline import CallTimeline

BASE = "local-agent"
LIKE_BASE = "local-no-tool"
"""What says the same as the base where no tool is called."""
SELECTIVITIES = ("backchannel_selectivity", "vocal_tic_selectivity", "side_speech_selectivity")
OWN: Mapping[str, tuple[str, ...]] = {
    "local-deaf": ("yield_rate", "yield_latency", "talk_over"),
    "local-slow-yield": ("yield_latency", "talk_over"),
    "local-yields-to-all": SELECTIVITIES,
    "local-eager": ("pause_takeover_rate", "talk_over"),
    "local-sluggish": ("response_latency",),
    "local-talks-over": ("agent_interruption_rate", "talk_over", "pause_takeover_rate"),
    "local-answers-side-speech": ("side_speech_selectivity",),
    "local-never-resumes": ("resume_rate",),
}
"""The metrics that show each model, and no others do."""
MAY_STAY: Mapping[str, tuple[str, ...]] = {
    "local-deaf": ("talk_over",),
    "local-slow-yield": ("talk_over",),
    "local-eager": ("talk_over",),
    "local-talks-over": ("talk_over", "pause_takeover_rate"),
}
"""Those of them that need not: what is said over the caller may be short, a pause may come while the agent speaks."""
# Metric -> by how much it may be worse than the base's without meaning anything, and whether more of it is better.
TOLERANCES: Mapping[str, tuple[float, bool]] = {
    "response_latency": (1.0, False),
    "response_rate": (0.15, True),
    "yield_latency": (0.4, False),
    "yield_rate": (0.25, True),
    **dict.fromkeys(SELECTIVITIES, (0.25, True)),
    "resume_rate": (0.4, True),
    "agent_interruption_rate": (0.2, False),
    "pause_takeover_rate": (0.15, False),
    "talk_over": (0.15, False),
}
WISHES = (
    ("a restaurant table booked", "I need a table for two in a restaurant tonight."),
    ("a taxi ordered", "I need a taxi to the station in half an hour, please."),
    ("a song played on the radio", "I would like to hear a certain song on the radio."),
    ("the weather forecast read out", "Please tell me about the weather in the mountains."),
    ("a pizza delivered", "I would like a large pizza with mushrooms, please."),
    ("a haircut arranged", "I would like a haircut some time this afternoon."),
)
BEHAVIOURS: Sequence[Sequence[Mapping[str, Any]]] = (
    (
        {"act": "side_speech", "delay_ms": [1500, 1800], "level_db": -14.0},
        {"act": "backchannel", "delay_ms": [4500, 4800], "words": ["Okay.", "Right.", "Yeah."]},
    ),
    (
        {"act": "vocal_tic", "delay_ms": [1000, 1300], "words": ["Um.", "Uh."]},
        {"act": "interruption", "delay_ms": [3900, 4900], "words": ["No, wait a moment, please."], "then": []},
    ),
    ({"act": "backchannel", "delay_ms": [1900, 2900], "words": ["Okay, right, okay, I see."]},),
)
PAUSE = {"act": "pause", "duration_ms": [650, 700]}
TURNS = 1
AT_ONCE = 8
SILENCE_MS = 800
"""Longer than the pauses of these callers: an agent that takes one for an end cuts in, whatever its manners."""


@dataclass(frozen=True)
class Measured:
    """The mean of a metric over all events of a run (seconds, or a share), and how many there were."""

    mean: float
    events: int


SHIPPED = Path(__file__).parents[1] / "data"


def write_calls(folder: Path, count: int) -> Path:
    """Write so many simulations, of a wish and a behaviour each, and return their index."""
    sound = json.loads((SHIPPED / "run" / "sim_support_out_of_scope.json").read_text())
    goal = sound["simulator"]["system_prompt"]
    folder.mkdir(parents=True, exist_ok=True)
    head, tail = goal.split("# Goal\n")[0], goal.split("# Style")[1]
    rows = ["simulation_id,simulation_path,enabled,notes,max_turns_override"]
    for number in range(count):
        wishes = [WISHES[(number + place) % len(WISHES)] for place in range(TURNS)]
        goals = "\n".join(f"- Have {thing}, or hear that this is the wrong number for it." for thing, _ in wishes)
        behaviour = BEHAVIOURS[number % len(BEHAVIOURS)]
        call = {
            **sound,
            "simulation_id": f"turns_{number + 1}",
            "simulator": {"system_prompt": f"{head}# Goal\n{goals}\n\n# Style{tail}", "behaviour": [PAUSE, *behaviour]},
            "turns": {"fixed_first_user_turn": wishes[0][1], "max_turns": TURNS},
            "graders": {"turn_level": [{"id": "tool_call", "type": "tool_call"}], "trace_level": []},
        }
        (folder / f"turns_{number + 1}.json").write_text(json.dumps(call))
        rows.append(f"turns_{number + 1},turns_{number + 1}.json,true,,0")
    index = folder / "simulations.csv"
    index.write_text("\n".join(rows) + "\n")
    for name in ("prompts", "tools"):
        if not (folder / name).exists():
            (folder / name).symlink_to(SHIPPED / name)
    return index


def hold_calls(models: Sequence[str], calls: int, folder: Path) -> dict[str, dict[str, Measured]]:
    """Hold the calls with each model, one model after the other, and return model -> metric -> what was measured.

    They are held first with one that says the same and does not count: then nothing waits for a recogniser.
    """
    held = (LIKE_BASE, *models)
    line = [
        *(
            "-m",
            "mode=run",
            "turn_detection=server_vad",
            f"turn_detection.silence_duration_ms={SILENCE_MS}",
            f"assistant.model={','.join(held)}",
        ),
        *(f"mode.data_csv={write_calls(folder, calls)}", f"concurrency={AT_ONCE}", "report.plots=false"),
        f"output_dir={folder / 'outputs'}",
    ]
    done = subprocess.run([sys.executable, "-m", "evalkit", *line], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    root = Path(done.stdout.splitlines()[-1])
    jobs = [json.loads(row) for row in (root / "index.jsonl").read_text().splitlines()]
    runs = {model: Path(job["directory"]) for model, job in zip(held, jobs, strict=True)}
    return {model: measure(runs[model]) for model in models}


def measure(run: Path) -> dict[str, Measured]:
    """Return metric -> its mean over all events of a run, and how many there were."""
    records = [json.loads(path.read_text()) for path in sorted((run / "records").glob("*.json"))]
    calls = [CallTimeline.from_json(one["case"]["case_id"], one["notes"]["turn_taking"]) for one in records]
    found = {}
    for metric in measure_calls(calls):
        values = [event.value for event in metric.contributions]
        if values:
            found[metric.name] = Measured(sum(values) / len(values), len(values))
    return found


def worsened(found: Mapping[str, Measured], base: Mapping[str, Measured]) -> list[str]:
    """Return the metrics that are worse than the base's by more than their tolerance."""
    worse = []
    for name, (tolerance, more_is_better) in TOLERANCES.items():
        if name in found and name in base:
            loss = (base[name].mean - found[name].mean) * (1 if more_is_better else -1)
            worse += [name] * (loss > tolerance)
    return worse


def find_faults(model: str, worse: Sequence[str]) -> list[str]:
    """Return what is wrong with the metrics that show `model`, in sentences."""
    own = OWN[model]
    missing = [f"{model}: {name} does not show it" for name in own if name not in {*worse, *MAY_STAY.get(model, ())}]
    return missing + [f"{model}: {name} is worse too" for name in worse if name not in own]


def main() -> int:
    """Hold the calls, print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(OWN))
    parser.add_argument("--calls", type=int, default=15)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the calls and the runs; none: they are thrown away")
    options = parser.parse_args()
    models = [name for name in options.models.split(",") if name]
    with tempfile.TemporaryDirectory() as thrown_away:
        measured = hold_calls([BASE, *models], options.calls, options.keep or Path(thrown_away))
    if options.json is not None:
        shown = {model: {name: asdict(one) for name, one in metrics.items()} for model, metrics in measured.items()}
        options.json.write_text(json.dumps(shown, indent=1))
    print("| model | " + " | ".join(f"`{name}`" for name in TOLERANCES) + " |\n|---|" + "---|" * len(TOLERANCES))
    faults: list[str] = []
    for model, metrics in measured.items():
        worse = worsened(metrics, measured[BASE])
        print(f"| `{model}` | " + " | ".join(_cell(metrics, name, name in worse) for name in TOLERANCES) + " |")
        if model != BASE:
            faults += find_faults(model, worse)
    print("\n".join(["", *faults]) if faults else "\neach model is shown by its own metrics and by no other")
    return 1 if faults else 0


def _cell(metrics: Mapping[str, Measured], name: str, is_worse: bool) -> str:
    if name not in metrics:
        return "-"
    shown = f"{metrics[name].mean:.2f} ({metrics[name].events})"
    return f"**{shown}**" if is_worse else shown


if __name__ == "__main__":
    with missing_packages_named():
        sys.exit(main())
