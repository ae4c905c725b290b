"""Which system user runs PostgreSQL: ourselves, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.embedded.problems import CannotStart

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A system user by name, user id and main group id."""

    name: str
    uid: int
    gid: int

    @property
    def drop(self) -> dict[str, Any]:
        """The arguments of `subprocess` that make a child this user and nothing more."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account(data: Path) -> Account | None:
    """Who shall own `data`: its present owner, else `postgres` or `nobody`; None if we are not root.

    Raises CannotStart when existing data belongs to somebody we cannot become.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise CannotStart(
                f"The database files in {data} belong to the user {name_of(owner)}, and PostgreSQL refuses "
                "files of others. Start as that user, or set SPARKOPS_DATA_DIR to another folder."
            )
        return None
    return account(owner) if owner else unprivileged()


def unprivileged() -> Account:
    """The user that PostgreSQL runs as when we are root, which PostgreSQL itself refuses to be."""
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise CannotStart(
        "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as. "
        "Start as a normal user."
    )


def account(uid: int) -> Account:
    """The account of a user id, also when it has no name on this machine."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, uid)
    return Account(entry.pw_name, uid, entry.pw_gid)


def name_of(uid: int | None) -> str:
    return account(uid).name if uid is not None else "unknown"


def can_enter(account: Account, folder: Path) -> bool:
    """Whether `account` reaches `folder` through all its parents; asked of the system by trying."""
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
    tried = subprocess.run(command, cwd="/", capture_output=True, **account.drop)
    return tried.returncode == 0
