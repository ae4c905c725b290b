"""`python -m tests.events.reactor`: reacts without a pause, in a process that may be killed and is then made anew.

Prints the id of each such process, so that a test can kill one that is at work, not one that is starting.
"""

from __future__ import annotations

import os

import django


def react_for_ever() -> None:
    from django.db import connection

    from controlplane.events.reactions.reacting import react

    while True:
        if not react():
            connection.close()


def main() -> None:
    while True:
        child = os.fork()
        if child == 0:
            react_for_ever()
        print(child, flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    django.setup()
    main()
