"""What ``evalkit new NAME mode=coding`` writes: one small task, whole and proved, to be changed into one's own."""

from __future__ import annotations

from evalkit.modes.mode import Starter, StarterFile
from evalkit.settings.resources import resource_dir

_TASK_ID = "python_sum_pairs"
_ABOUT = {
    "task.yaml": "the task's title, language, kind and difficulty, and which files a patch may change; all its keys, "
    "and how to write a task that cannot be fooled, stand in evalkit's docs/coding.md",
    "prompt.md": "the statement that the model gets: everything that the hidden calls touch must stand in it",
    "workspace/pairs.py": "the files that the model gets; they must fail at least one hidden call",
    "public_tests/examples.jsonl": "calls that the model may see (mode.include_tests=true)",
    "judge/driver.py": "turns a call's name and arguments into a call of the workspace's code",
    "judge/cases.jsonl": "the hidden calls with what is expected; they decide",
    "judge/oracle.diff": "the right solution, as `git diff` writes it",
    "judge/half.diff": "a plausible solution that is right on some calls only",
    "judge/mutants/counts_itself.diff": "the right solution with one mistake; the hidden calls must find it out",
}


def start_with_task() -> Starter:
    """Return a folder of tasks with one in it."""
    template = resource_dir("data") / "coding_starter" / _TASK_ID
    names = sorted(path.relative_to(template).as_posix() for path in template.rglob("*") if path.is_file())
    files = [
        StarterFile(f"tasks/{_TASK_ID}/{name}", (template / name).read_bytes(), _ABOUT.get(name, ""))
        for name in names
        if "__pycache__" not in name
    ]
    return Starter("tasks", files, {"assistant": {"model": "oracle"}}, data_key="tasks_dir")
