"""How exactly turn-taking is measured: delays and overlaps put into calls, against those that are found.

    python benchmarks/turn_taking_accuracy.py [--calls 60] [--json FILE]

A call is made of utterances of the embedded voice, at the codec's rate, each cut to where it sounds, and so placed that
three truths are known to the sample: how long the agent takes to answer, how long it speaks on when it is interrupted,
and how long it talks over the caller when it cuts in. The yield is a hard cut where the agent's voice has sounded for
30 ms: where a cut lies in a pause, nobody hears it. Then both sides go through a channel and the codec. What the
metrics get is that recording, and where clips were played, with 0.3 s of room around them.

Where speech sounds is found in three ways. `known`: the caller's words in the clips before the channel, as whoever
plays them knows them, the agent's in the recording. `heard`: both in the recording; a phone line takes away much of an
"s". `run`: as `mode=run` finds it for its records in full duplex, by the rule that clips are cut by here, so that only
the cut can be missed: the caller's words in the clips, the agent's in what was played, which no channel touches.

Printed for each line: the error's median and 95th percentile without its sign, and its mean with it, in milliseconds.
Exit code 1: a median above 20 ms, a 95th percentile above 40 ms or a time that was not found, but on a `heard` line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    import numpy as np
    import yaml
    from numpy.typing import NDArray

    from evalkit.audio.channels import ChannelSpec, apply_channel
    from evalkit.audio.formats import AudioFormat
    from evalkit.audio.g711 import Pcm
    from evalkit.audio.levels import find_speech
    from evalkit.audio.resample import resample
    from evalkit.metrics.turn_taking.exchanges import follow_exchanges
    from evalkit.metrics.turn_taking.panel import measure_calls
    from evalkit.metrics.turn_taking.timeline import AgentSpeech, CallerAct, CallerSpeech, CallTimeline, Segment
    from evalkit.metrics.turn_taking.waveform import HeardSide
    from evalkit.modes.voice.turn_taking import find_spans
    from evalkit.service.speech.hibari import HibariSpeech

FindParts = Callable[[Segment], tuple[Segment, ...]]
Finder = Callable[[Pcm, int], FindParts]

CHANNELS = Path(__file__).parents[1] / "conf" / "channel"
ROOM_S, STEADY_S = 0.3, 0.03
MEDIAN_MS, P95_MS = 20.0, 40.0
CODECS = (AudioFormat.PCM16, AudioFormat.G711_ULAW, AudioFormat.G711_ALAW)
LINES = ("clean", "telephone")
CALLERS, AGENTS = ("marin", "ash", "coral", "shimmer"), ("cedar", "alloy", "verse", "sage")
SAID = (
    "Hi, I would like to know where my order 48213 is.",
    "Could you move my appointment to Thursday at four, please?",
    "I need to change the address on my last order.",
    "Yes, that is right.",
    "My number is seven two nine, five five one three.",
    "Can I still return the shoes I bought last month?",
    "I never got the refund for the broken kettle.",
    "What are your hours on Saturday?",
)
INTERRUPTING = (
    "Wait, that is not what I asked.",
    "No, sorry, I meant the other order.",
    "Hold on, I need to find my card.",
    "Stop, please cancel it instead.",
)
ANSWERED = (
    "Your order has shipped and will arrive on Tuesday; you can follow it with the link we sent to you this morning.",
    "Sure, I have moved your appointment to Thursday at four in the afternoon, and you will get a reminder before.",
    "They can be returned within sixty days if they were not worn outside, and I can send you a label right away.",
    "Saturdays we are open from nine in the morning until six in the evening, and from ten until four on Sundays.",
    "Of course, I can cancel that for you, and the money will be on your account within five working days.",
    "Four of our shops have that kettle in stock, and I could have one put aside for you until tomorrow evening.",
)


@dataclass(frozen=True, eq=False)
class Clip:
    """An utterance cut to where it sounds, and for each of its samples whether it ends STEADY_S of loud speech."""

    pcm: Pcm
    is_steady: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Placed:
    """A call with known truth: both sides, what was played where, and the three times in seconds."""

    rate_hz: int
    caller: Pcm
    agent: Pcm
    said: tuple[tuple[CallerAct, Segment], ...]
    spoken: tuple[tuple[Segment, bool], ...]
    truth: dict[str, float]


@dataclass(frozen=True)
class Accuracy:
    """How exactly one time was found on one line; errors in milliseconds."""

    codec: str
    channel: str
    way: str
    measured: str
    events: int
    missed: int
    median_ms: float
    p95_ms: float
    bias_ms: float

    @property
    def holds(self) -> bool:
        """Whether it is found, and as exactly as it must be."""
        exact = self.median_ms <= MEDIAN_MS and self.p95_ms <= P95_MS
        return self.way == "heard" or (self.missed == 0 and exact)


def main() -> None:
    """Make the calls, measure them on every line, and print a row for each time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    voice = Voice()
    rows = [row for codec in CODECS for row in _measure_codec(list(_make_calls(voice, args.calls, codec)), codec)]
    print(
        "| codec | channel | way | measured | events | not found | median | p95 | bias |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    for row in rows:
        print(
            f"| `{row.codec}` | `{row.channel}` | {row.way} | {row.measured} | {row.events} | {row.missed} |"
            f" {row.median_ms:.1f} | {row.p95_ms:.1f} | {row.bias_ms:+.1f} |"
        )
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    sys.exit(not all(row.holds for row in rows))


class Voice:
    """Utterances of the embedded voice, each synthesised once."""

    def __init__(self) -> None:
        self._engine = HibariSpeech()
        self._spoken: dict[tuple[str, str], Pcm] = {}

    def say(self, text: str, speaker: str, rate_hz: int) -> Clip:
        """Return an utterance at a rate, from where it begins to sound to where it ends."""
        if (text, speaker) not in self._spoken:
            self._spoken[text, speaker] = self._engine.synthesise(text, speaker, 1.0).pcm
        pcm = resample(self._spoken[text, speaker], 24_000, rate_hz)
        sounding = np.flatnonzero(find_speech(pcm, rate_hz))
        cut = pcm[sounding[0] : sounding[-1] + 1]
        loud = find_speech(cut, rate_hz, range_db=15)
        steady = np.convolve(loud, np.ones(round(STEADY_S * rate_hz)))[: cut.size] >= round(STEADY_S * rate_hz)
        return Clip(cut, steady)


def _make_calls(voice: Voice, count: int, codec: AudioFormat) -> Iterator[Placed]:
    rng = np.random.default_rng(0)
    rate_hz = codec.sample_rate_hz
    for number in range(count):
        caller, agent = CALLERS[number % len(CALLERS)], AGENTS[number // 2 % len(AGENTS)]
        said = [voice.say(SAID[one], caller, rate_hz) for one in rng.choice(len(SAID), 2, replace=False)]
        interrupting = voice.say(INTERRUPTING[rng.integers(len(INTERRUPTING))], caller, rate_hz)
        answers = [voice.say(ANSWERED[one], agent, rate_hz) for one in rng.choice(len(ANSWERED), 2, replace=False)]
        yield _place(said, interrupting, answers, rate_hz, rng)


def _place(said: list[Clip], interrupting: Clip, answers: list[Clip], rate_hz: int, rng: np.random.Generator) -> Placed:
    """Lay out: turn, answer after a delay, interruption, yield after a delay; turn, over whose end an answer begins."""

    def draw(least_s: float, most_s: float) -> int:
        return round(rng.uniform(least_s, most_s) * rate_hz)

    first_at = rate_hz
    answer_at = first_at + said[0].pcm.size + draw(0.25, 3.0)
    interrupted_at = answer_at + draw(1.0, 2.0)
    stop_at = answer_at + _steady_place(answers[0], interrupted_at - answer_at + draw(0.15, 1.7))
    second_at = max(stop_at, interrupted_at + interrupting.pcm.size) + draw(2.0, 3.0)
    second_end = second_at + said[1].pcm.size
    cut_in_at = second_end - draw(0.3, min(1.5, said[1].pcm.size / rate_hz - 0.4))
    asked = [
        (CallerAct.TURN, first_at, said[0].pcm),
        (CallerAct.INTERRUPTION, interrupted_at, interrupting.pcm),
        (CallerAct.TURN, second_at, said[1].pcm),
    ]
    spoken = [(True, answer_at, answers[0].pcm[: stop_at - answer_at]), (False, cut_in_at, answers[1].pcm)]
    sides = np.zeros((2, cut_in_at + answers[1].pcm.size + 2 * rate_hz), dtype=np.int16)
    for side, clips in zip(sides, (asked, spoken), strict=True):
        for _, at, pcm in clips:
            side[at : at + pcm.size] = pcm
    return Placed(
        rate_hz,
        sides[0],
        sides[1],
        tuple((act, Segment(at / rate_hz, (at + pcm.size) / rate_hz)) for act, at, pcm in asked),
        tuple((Segment(at / rate_hz, (at + pcm.size) / rate_hz), was_cut) for was_cut, at, pcm in spoken),
        {
            "response delay": (answer_at - first_at - said[0].pcm.size) / rate_hz,
            "yield delay": (stop_at - interrupted_at) / rate_hz,
            "overlap": (second_end - cut_in_at) / rate_hz,
        },
    )


def _steady_place(clip: Clip, near: int) -> int:
    """Return the place nearest to `near` up to which the voice sounds."""
    steady = np.flatnonzero(clip.is_steady)
    return int(steady[np.argmin(np.abs(steady - near))]) + 1


def _measure_codec(calls: list[Placed], codec: AudioFormat) -> Iterator[Accuracy]:
    for channel in LINES:
        spec = ChannelSpec.from_config(yaml.safe_load((CHANNELS / f"{channel}.yaml").read_text(encoding="utf-8")))
        received = [_send(call, codec, spec, seed) for seed, call in enumerate(calls)]
        for way in ("known", "heard", *["run"] * spec.is_clean):
            found = [
                _measure(_lay_out(call, sides[0] if way == "heard" else call.caller, sides[1], FINDERS[way]))
                for call, sides in zip(calls, received, strict=True)
            ]
            for name in ("response delay", "yield delay", "overlap"):
                errors = [
                    (one[name] - call.truth[name]) * 1000 for one, call in zip(found, calls, strict=True) if name in one
                ]
                median_ms, p95_ms = np.percentile(np.abs(errors), [50, 95]) if errors else (np.inf, np.inf)
                yield Accuracy(
                    codec, channel, way, name, len(errors), len(calls) - len(errors),
                    float(median_ms), float(p95_ms), float(np.mean(errors)) if errors else 0.0,
                )  # fmt: skip


def _send(call: Placed, codec: AudioFormat, spec: ChannelSpec, seed: int) -> tuple[Pcm, Pcm]:
    caller, agent = (
        codec.from_wire(codec.to_wire(apply_channel(side, call.rate_hz, spec, seed).pcm))
        for side in (call.caller, call.agent)
    )
    return caller, agent


def _lay_out(call: Placed, caller: Pcm, agent: Pcm, find: Finder) -> CallTimeline:
    find_caller, find_agent = find(caller, call.rate_hz), find(agent, call.rate_hz)
    return CallTimeline(
        "call",
        caller.size / call.rate_hz,
        tuple(CallerSpeech(act, find_caller(_with_room(extent))) for act, extent in call.said),
        tuple(AgentSpeech(find_agent(_with_room(extent)), was_cut) for extent, was_cut in call.spoken),
    )


def _measure(timeline: CallTimeline) -> dict[str, float]:
    """Return the three times as the metrics have them, those that were found."""
    panel = {one.name: one.contributions for one in measure_calls([timeline])}
    found = {
        "response delay": [one.value for one in panel["response_latency"][:1]],
        "yield delay": [one.value for one in panel["yield_latency"] if not one.is_censored],
        "overlap": [cut_in.said.extent.end_s - cut_in.cut_ins_s[0] for cut_in in follow_exchanges(timeline)[2:]
                    if cut_in.cut_ins_s],
    }  # fmt: skip
    return {name: values[0] for name, values in found.items() if values}


def _with_room(extent: Segment) -> Segment:
    return Segment(extent.start_s - ROOM_S, extent.end_s + ROOM_S)


def _as_heard(pcm: Pcm, rate_hz: int) -> FindParts:
    return HeardSide(pcm, rate_hz).find_parts


def _as_a_run_does(pcm: Pcm, rate_hz: int) -> FindParts:
    def find(extent: Segment) -> tuple[Segment, ...]:
        first, last = round(extent.start_s * rate_hz), round(extent.end_s * rate_hz)
        spans = find_spans(pcm[first:last], rate_hz, extent.start_s * 1000)
        return tuple(Segment(span.start_ms / 1000, span.end_ms / 1000) for span in spans)

    return find


FINDERS: dict[str, Finder] = {"known": _as_heard, "heard": _as_heard, "run": _as_a_run_does}


if __name__ == "__main__":
    with missing_packages_named():
        main()
