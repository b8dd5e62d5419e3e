"""Packet loss on the network: which packets are lost, and how a receiver's phone covers the gaps.

The audio travels in packets of `packet_ms`; the last one may be shorter. Patterns:

- `random`: each packet is lost independently with probability `share`.
- `bursty` (Gilbert-Elliott): the line is in a good state, where nothing is lost, or in a bad one, where a packet is
  lost with probability `burst_density`; a bad state lasts `burst_packets` packets on average.

A pure Gilbert-Elliott chain varies far more from call to call than its mean tells: in short utterances most calls
lose nothing and some lose half. A sweep over burstiness would then compare loss *rates* as well. So the number of
lost packets is drawn first, binomially as for `random`, and then a path of the chain among those that lose exactly so
many: both patterns have the same distribution of loss rates, and differ in how the losses are arranged. Calls longer
than 1000 packets are drawn in blocks of that length, the state carried on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from evalkit.audio.effects.concealment import conceal_gaps, find_runs
from evalkit.audio.effects.stage import number
from evalkit.audio.g711 import Pcm

Lost = NDArray[np.bool_]

_BLOCK_PACKETS = 1000


class LossPattern(StrEnum):
    """How losses are arranged."""

    NONE = "none"
    RANDOM = "random"
    BURSTY = "bursty"


@dataclass(frozen=True)
class LossSpec:
    """Packet loss.

    Attributes:
        pattern: How losses are arranged; `none`: nothing is lost.
        share: Share of packets that are lost, on average.
        packet_ms: Audio in one packet.
        burst_packets: Mean length of a bad state (bursty only).
        burst_density: Share of packets lost in a bad state (bursty only).

    """

    pattern: LossPattern = LossPattern.NONE
    share: float = number(0.05, 0, 0.3, "share of packets")
    packet_ms: float = number(20.0, 10, 60, "ms")
    burst_packets: float = number(4.0, 2, 50, "packets")
    burst_density: float = number(0.8, 0.5, 1, "share of packets")

    @property
    def is_off(self) -> bool:
        """Whether the stage does nothing."""
        return self.pattern is LossPattern.NONE or self.share == 0


@dataclass(frozen=True, eq=False)
class Received:
    """The sound that arrived.

    Attributes:
        pcm: As many samples as were sent, gaps concealed.
        lost: For each packet, whether it was lost.
        longest_burst_packets: Most packets lost in a row.

    """

    pcm: Pcm
    lost: Lost
    longest_burst_packets: int


def lose_packets(pcm: Pcm, sample_rate_hz: int, spec: LossSpec, generator: np.random.Generator) -> Received:
    """Send audio in packets over a line that loses some."""
    packet_samples = round(spec.packet_ms * sample_rate_hz / 1000)
    lost = draw_losses(-(-pcm.size // packet_samples), spec, generator)
    runs = find_runs(lost)
    gaps = [(first * packet_samples, min(last * packet_samples, pcm.size)) for first, last in runs]
    longest = max((last - first for first, last in runs), default=0)
    return Received(conceal_gaps(pcm, gaps, sample_rate_hz), lost, longest)


def draw_losses(packets: int, spec: LossSpec, generator: np.random.Generator) -> Lost:
    """Return for each packet whether it is lost."""
    if spec.pattern is LossPattern.RANDOM:
        return np.asarray(generator.random(packets) < spec.share)
    chain = _Chain.of(spec)
    is_bad = bool(generator.random() < chain.bad_share)
    blocks: list[Lost] = []
    for start in range(0, packets, _BLOCK_PACKETS):
        length = min(_BLOCK_PACKETS, packets - start)
        block, is_bad = chain.draw(length, int(generator.binomial(length, spec.share)), is_bad, generator)
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class _Chain:
    """A Gilbert-Elliott chain. State 0 is good, 1 is bad; `moves[i, j]` is the probability to go from i to j."""

    moves: NDArray[np.float64]
    loss_in_bad: float
    bad_share: float

    @classmethod
    def of(cls, spec: LossSpec) -> _Chain:
        bad_share = spec.share / spec.burst_density
        leave = 1.0 / spec.burst_packets
        enter = leave * bad_share / (1.0 - bad_share)
        return cls(np.array([[1.0 - enter, enter], [leave, 1.0 - leave]]), spec.burst_density, bad_share)

    def draw(self, packets: int, losses: int, is_bad: bool, generator: np.random.Generator) -> tuple[Lost, bool]:
        """Return a path with exactly `losses`, each as likely as the chain makes it, and the state it ends in."""
        reach = self._find_reach(packets, losses)
        lost = np.zeros(packets, dtype=np.bool_)
        state, left = int(is_bad), losses
        for at, (move, lose) in enumerate(generator.random((packets, 2))):
            weights = self.moves[state] * self._weigh_step(reach[at + 1], left)
            state = int(move * weights.sum() >= weights[0])
            if state == 0:
                continue
            kept = (1.0 - self.loss_in_bad) * reach[at + 1, 1, left]
            dropped = self.loss_in_bad * reach[at + 1, 1, left - 1] if left else 0.0
            lost[at] = lose * (kept + dropped) >= kept
            left -= int(lost[at])
        return lost, bool(state)

    def _weigh_step(self, after: NDArray[np.float64], left: int) -> NDArray[np.float64]:
        """Return how likely `left` losses still come if the next packet meets the good, the bad state."""
        dropped = after[1, left - 1] if left else 0.0
        return np.array([after[0, left], (1.0 - self.loss_in_bad) * after[1, left] + self.loss_in_bad * dropped])

    def _find_reach(self, packets: int, losses: int) -> NDArray[np.float64]:
        """Return `reach[at, state, k]`: how likely packets from `at` on lose exactly k, coming from `state`.

        Each `at` is scaled by a factor of its own, against underflow; only ratios within one are used.
        """
        reach = np.zeros((packets + 1, 2, losses + 1))
        reach[packets, :, 0] = 1.0
        for at in range(packets - 1, -1, -1):
            after = reach[at + 1].copy()
            after[1] *= 1.0 - self.loss_in_bad
            after[1, 1:] += self.loss_in_bad * reach[at + 1, 1, :-1]
            reach[at] = self.moves @ after
            reach[at] /= reach[at].max()
        return reach
