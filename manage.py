#!/usr/bin/env python
"""Every command of the control plane: `up` for one machine, `web`, `worker` and `sweeper` for production."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    if sys.argv[1:2] == ["up"]:
        # The supervisor stays small: it never loads Django.
        from controlplane.embedded.up import main as up

        sys.exit(up(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    from controlplane.embedded import environment

    environment.join()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
