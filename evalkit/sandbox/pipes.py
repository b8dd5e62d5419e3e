"""The pipes of one box: our ends, and those of the box."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.sandbox.descriptors import Descriptors


@dataclass(frozen=True)
class OurEnds:
    """The ends of its pipes that stay with whoever watches the box."""

    archive_to: int | None
    stdout_from: int
    stderr_from: int
    status_from: int
    """Where whoever made the box tells about it."""
    requests_to: int | None
    answers_from: int | None
    collected_from: int | None


@dataclass(frozen=True)
class BoxEnds:
    """The ends that go into the box."""

    stdin: int
    stdout: int
    stderr: int
    status: int
    requests: int | None
    answers: int | None
    collected: int | None

    @property
    def passed(self) -> tuple[int, ...]:
        """Return those that are inherited under their own number."""
        ends = (self.status, self.requests, self.answers, self.collected)
        return tuple(end for end in ends if end is not None)

    def close(self, descriptors: Descriptors) -> None:
        """Close them here, once the box has them."""
        for end in (self.stdin, self.stdout, self.stderr, *self.passed):
            descriptors.close(end)


def open_pipes(descriptors: Descriptors, *, answering: bool, collecting: bool) -> tuple[OurEnds, BoxEnds]:
    """Return both ends of the pipes that a box needs, all kept by `descriptors`."""
    none = (None, None)
    stdin, archive_to = descriptors.pipe()
    stdout_from, stdout = descriptors.pipe()
    stderr_from, stderr = descriptors.pipe()
    status_from, status = descriptors.pipe()
    requests, requests_to = descriptors.pipe() if answering else none
    answers_from, answers = descriptors.pipe() if answering else none
    collected_from, collected = descriptors.pipe() if collecting else none
    return (
        OurEnds(archive_to, stdout_from, stderr_from, status_from, requests_to, answers_from, collected_from),
        BoxEnds(stdin, stdout, stderr, status, requests, answers, collected),
    )
