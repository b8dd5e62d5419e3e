"""Tells what is wrong with a workflow before anything runs."""


class WorkflowError(ValueError):
    """A workflow that cannot run; problems says why."""

    def __init__(self, problems):
        super().__init__("; ".join(problems))
        self.problems = problems


def find_problems(workflow):
    """Return all problems of a workflow as sorted texts."""
    raise NotImplementedError
