"""weather: a tool that turns observations on its standard input into tables and alerts.

    weather summary [--station NAME]... [--units metric|imperial] [--strict]
    weather days    [--station NAME]... [--units metric|imperial] [--strict]
    weather alerts --rule RULE... [--station NAME]... [--units metric|imperial] [--strict]
"""

import sys


class UsageError(Exception):
    """What is wrong with the command line."""


def run(argv, stdin):
    """Return (exit code, standard output, standard error) of the tool."""
    raise NotImplementedError


if __name__ == "__main__":
    code, out, errors = run(sys.argv[1:], sys.stdin.read())
    sys.stdout.write(out)
    sys.stderr.write(errors)
    sys.exit(code)
