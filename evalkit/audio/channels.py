"""A channel: what happens to the caller's speech before the assistant hears it, as a chain of five stages.

===== =========== ====================== ================================================
order stage       settings               why there
===== =========== ====================== ================================================
1     `room`      `effects.room`         the caller's voice fills the room
2     `noise`     `effects.noise`        the microphone hears the noise beside that
3     `level`     `effects.level`        what it hears overloads it, or is faint
4     `telephone` `effects.telephone`    what it made of it is band-limited and coded
5     `loss`      `effects.loss`         packets of code get lost, the receiver conceals
===== =========== ====================== ================================================

The order is fixed: it is the physical one, and the stages do not commute (noise added after the codec would never
have been heard through it). Each stage is off by default, keeps every sample's place and the length, and draws from
randomness of its own, so that the loss pattern of a seed is the same with and without noise. The same input, spec and
seed give the same samples. A run with many cases gives each its own seed, or all of them lose the same packets.

What is reported was measured on the audio, not copied from the settings:

==================================== ============================================================= ================
measure                              meaning                                                       present
==================================== ============================================================= ================
`rms_in_dbfs`, `rms_out_dbfs`        level over the whole length                                   always
`clipped_share`                      share of samples the microphone cut off                       always
`room_rt60_ms`, `room_drr_db`        decay time and direct-to-reverberant ratio of the room drawn  room
`snr_db`                             speech over noise while there is speech                       noise and speech
`loss_share`                         packets lost over packets sent                                loss
`packets`, `packets_lost`            how many                                                      loss
`longest_burst_packets`              most packets lost in a row                                    loss
==================================== ============================================================= ================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from evalkit.audio.effects.level import LevelSpec, record
from evalkit.audio.effects.loss import LossSpec, lose_packets
from evalkit.audio.effects.noise import NoiseSpec, add_noise
from evalkit.audio.effects.room import RoomSpec, add_room
from evalkit.audio.effects.stage import make_generator, read_settings
from evalkit.audio.effects.telephone import TelephoneSpec, send_by_telephone
from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import rms_dbfs
from evalkit.errors import ConfigError


@dataclass(frozen=True)
class ChannelSpec:
    """The settings of a channel, as the config group `channel` has them.

    Attributes:
        name: The option's name, for tables; it changes nothing.
        room: Reverberation.
        noise: Background noise.
        level: Gain and overload of the microphone.
        telephone: Band limit and G.711.
        loss: Packet loss with concealment.

    """

    name: str = "clean"
    room: RoomSpec = field(default_factory=RoomSpec)
    noise: NoiseSpec = field(default_factory=NoiseSpec)
    level: LevelSpec = field(default_factory=LevelSpec)
    telephone: TelephoneSpec = field(default_factory=TelephoneSpec)
    loss: LossSpec = field(default_factory=LossSpec)

    @classmethod
    def from_config(cls, document: Mapping[str, object]) -> ChannelSpec:
        """Return the spec that a plain document describes; keys that are absent are off.

        Raises:
            ConfigError: Unknown keys, wrong types or values out of range; every one is named.

        """
        problems: list[str] = []
        spec = read_settings(cls, document, "channel", problems)
        if problems:
            raise ConfigError(sorted(problems))
        return spec

    @property
    def is_clean(self) -> bool:
        """Whether every stage is off: audio passes untouched, and walk may send a file's own bytes."""
        stages = (self.room, self.noise, self.level, self.telephone, self.loss)
        return all(stage.is_off for stage in stages)


@dataclass(frozen=True, eq=False)
class ChannelResult:
    """The output of a channel.

    Attributes:
        pcm: As many samples as went in.
        measures: What was measured, by name; see the module's table.

    """

    pcm: Pcm
    measures: dict[str, float]


def apply_channel(pcm: Pcm, sample_rate_hz: int, spec: ChannelSpec, seed: int) -> ChannelResult:
    """Send mono int16 audio of 8 kHz or more through a channel."""
    measures = {"rms_in_dbfs": rms_dbfs(pcm), "rms_out_dbfs": rms_dbfs(pcm), "clipped_share": 0.0}
    if spec.is_clean or pcm.size == 0:
        return ChannelResult(pcm, measures)
    signal = pcm.astype(np.float64)
    if not spec.room.is_off:
        heard = add_room(signal, sample_rate_hz, spec.room, make_generator(seed, "room"))
        signal, measures = heard.signal, measures | heard.measures
    if not spec.noise.is_off:
        heard = add_noise(signal, sample_rate_hz, spec.noise, make_generator(seed, "noise"))
        signal, measures = heard.signal, measures | heard.measures
    recorded = record(signal, spec.level)
    measures["clipped_share"] = recorded.clipped_share
    out = recorded.pcm
    if not spec.telephone.is_off:
        out = send_by_telephone(out, sample_rate_hz, spec.telephone)
    if not spec.loss.is_off:
        received = lose_packets(out, sample_rate_hz, spec.loss, make_generator(seed, "loss"))
        out = received.pcm
        measures["packets"] = float(received.lost.size)
        measures["packets_lost"] = float(received.lost.sum())
        measures["loss_share"] = float(received.lost.mean())
        measures["longest_burst_packets"] = float(received.longest_burst_packets)
    measures["rms_out_dbfs"] = rms_dbfs(out)
    return ChannelResult(out, measures)
