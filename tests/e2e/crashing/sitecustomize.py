"""Makes jobs go wrong as the environment says: ``CRASH="2:raise 3:exit 5:die"``, by the seed of the job.

Python imports a module of this name, where it finds one, as it starts. Nothing in evalkit knows of it.
"""

import importlib.abc
import importlib.util
import os
import sys

_WHERE = "evalkit.peers.peers"


def _crash(kind):
    if kind == "raise":
        raise RuntimeError("made to crash")
    if kind == "exit":
        sys.exit(3)
    if kind == "die":
        os._exit(9)


class _Finder(importlib.abc.MetaPathFinder):
    """Wraps what opens a run's peers, once its module has been imported."""

    def find_spec(self, name, path, target=None):
        if name != _WHERE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            opens = module.open_peers
            plan = dict(word.split(":") for word in os.environ["CRASH"].split())

            def open_peers(settings, *args, **kwargs):
                _crash(plan.get(str(settings.seed)))
                return opens(settings, *args, **kwargs)

            module.open_peers = open_peers

        spec.loader.exec_module = exec_module
        return spec


if os.environ.get("CRASH"):
    sys.meta_path.insert(0, _Finder())
