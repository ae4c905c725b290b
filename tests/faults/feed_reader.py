"""A reader of the activity feed that may be killed at any moment and goes on where its file ends.

`python -m tests.faults.feed_reader PROJECT CURSOR FILE`; a line for each page: the next cursor and what was on it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import django


def read_on(project: int, start: str, path: Path) -> None:
    from controlplane.events.queries import feed_after, parse_cursor

    cursor = parse_cursor(place_in(path) or start)
    with path.open("a") as file:
        while True:
            page = feed_after([project], cursor, limit=20)
            if not page:
                time.sleep(0.02)
                continue
            cursor = page[-1].cursor
            names = [event.data["name"] for event in page if event.type == "probe.moved"]
            file.write(json.dumps({"cursor": str(cursor), "names": names}) + "\n")
            file.flush()


def place_in(path: Path) -> str:
    """The cursor of the last whole line; what was cut off in the writing is dropped."""
    if not path.exists():
        return ""
    whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    path.write_text("".join(whole))
    return json.loads(whole[-1])["cursor"] if whole else ""


if __name__ == "__main__":
    django.setup()
    read_on(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
