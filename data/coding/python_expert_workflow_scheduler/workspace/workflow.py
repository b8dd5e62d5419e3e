"""What a workflow is made of."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Attempt:
    """What one attempt of a task will do when it is made."""

    duration: int
    ok: bool = True


@dataclass(frozen=True)
class Task:
    """A task; attempts beyond the last one listed do as the last one does."""

    id: str
    attempts: tuple  # of Attempt, at least one
    needs: tuple = ()  # ids of tasks
    uses: dict = field(default_factory=dict)  # resource -> amount, at least 1
    priority: int = 0
    retries: int = 0  # attempts after the first one, at most
    retry_delay: int = 0
    timeout: int | None = None
    when: str = "success"  # or "failure", "always"

    def attempt(self, number):
        """Return what attempt number 1, 2, ... does."""
        return self.attempts[min(number, len(self.attempts)) - 1]


@dataclass(frozen=True)
class Workflow:
    """Tasks, what they run on, and what a failure means."""

    tasks: tuple
    workers: int = 1
    resources: dict = field(default_factory=dict)  # resource -> how much there is
    fail_fast: bool = False


def read_task(document):
    """Return the task of a JSON object; `duration` is short for one attempt that succeeds."""
    settings = dict(document)
    if "duration" in settings:
        settings["attempts"] = [{"duration": settings.pop("duration")}]
    settings["attempts"] = tuple(Attempt(**attempt) for attempt in settings["attempts"])
    settings["needs"] = tuple(settings.get("needs", ()))
    return Task(**settings)


def read_workflow(document):
    """Return the workflow of a JSON object."""
    settings = dict(document)
    settings["tasks"] = tuple(read_task(task) for task in settings["tasks"])
    return Workflow(**settings)
