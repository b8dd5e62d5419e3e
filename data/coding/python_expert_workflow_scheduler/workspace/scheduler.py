"""Runs a workflow on simulated time: who starts when, and what becomes of everything."""

from validation import WorkflowError, find_problems


def measure_chains(workflow):
    """Return {id: length of the longest chain of tasks that begins with it}."""
    raise NotImplementedError


def find_critical_path(workflow):
    """Return the ids of the longest chain of all; raises WorkflowError."""
    raise NotImplementedError


def simulate(workflow):
    """Return what happens: starts, tasks and makespan; raises WorkflowError."""
    raise NotImplementedError
