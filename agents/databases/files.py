"""Which files of this machine an instance may open, and opening them without being led elsewhere.

The folders are settings; what a person typed is a path, or a pattern after a fixed beginning. Whatever lies outside is
refused before anything is looked at, in one sentence that does not tell whether it exists.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from django.conf import settings

from agents.databases.statement import Statement
from controlplane.domain.failures import Misconfigured

MAX_FILES = 500
MAX_ENTRIES = 50_000
MAX_DEPTH = 32
WILD = re.compile(r"[*?\[]")
# Reading there can block for ever or do something.
SPECIAL = (Path("/proc"), Path("/sys"), Path("/dev"))
# Plain files in memory, and those of other programs: open where a folder in it is named.
MEMORY = Path("/dev/shm")  # noqa: S108
FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PASSING = FOLDER | getattr(os, "O_PATH", os.O_RDONLY)


@dataclass(frozen=True)
class Place:
    """A path, or a pattern below one. `typed` is all that messages may say of it.

    `start` is the fixed beginning with its links resolved, `pattern` the rest by folders. Of the folder `shared` only
    `own` is open.
    """

    typed: str
    start: Path
    pattern: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    shared: Path | None = None
    own: Path | None = None

    def holds(self, real: Path) -> bool:
        """Whether `real`, a path without links, may be read."""
        if not _within(real, self.roots) or (_within(real, SPECIAL) and not _within(real, self.in_memory)):
            return False
        return self.shared is None or not real.is_relative_to(self.shared) or self.is_own(real)

    @property
    def in_memory(self) -> tuple[Path, ...]:
        return tuple(root for root in self.roots if root.is_relative_to(MEMORY))

    def is_own(self, real: Path) -> bool:
        return self.own is not None and real.is_relative_to(self.own)

    def outside(self) -> Misconfigured:
        return Misconfigured(f"{self.typed} is outside the folders that instances may read.")

    def absent(self) -> Misconfigured:
        return Misconfigured(f"There is no file {self.typed}.")


def place_of(location: str, roots: Iterable[str | Path] | None = None) -> Place:
    """What `location` means; `roots` are by default the setting INSTANCE_FILE_ROOTS. Lists and opens nothing.

    Raises `Misconfigured` for what lies outside of `roots`.
    """
    given = [Path(os.path.abspath(root)) for root in (settings.INSTANCE_FILE_ROOTS if roots is None else roots)]
    real_roots = tuple(root.resolve() for root in given)
    path = Path(os.path.abspath(location))
    fixed = next((number for number, part in enumerate(path.parts) if WILD.search(part)), len(path.parts))
    start, pattern = Path(*path.parts[:fixed]), path.parts[fixed:]
    place = Place(location, start, pattern, real_roots)
    if not _within(start, (*given, *real_roots)):
        raise place.outside()
    return _checked(Place(location, _resolved(start), pattern, real_roots))


def kept_to(place: Place, *, shared: Path, own: Path) -> Place:
    """The same place for one of those who have a folder each in `shared`. Raises `Misconfigured` for another's."""
    return _checked(Place(place.typed, place.start, place.pattern, place.roots, shared.resolve(), own.resolve()))


def find_files(place: Place, suffixes: tuple[str, ...], statement: Statement) -> list[Path]:
    """The real paths of the files at `place` whose names end in `suffixes`, in the order of the paths as found.

    Looks at no more than 50,000 entries, until the statement's deadline or cancel. Raises `Misconfigured` for more, and
    for a link that leads outside; links to folders below the fixed beginning are not followed.
    """
    pattern = place.pattern or (("*",) if _is_folder(place.start) else ())
    if not pattern:
        return [place.start] if place.start.name.lower().endswith(suffixes) and is_file(place.start) else []
    walk = _Walk(place, suffixes, statement)
    with suppress(FileNotFoundError, NotADirectoryError), _folder(place.start, os.O_RDONLY | FOLDER) as folder:
        walk.visit(folder, place.start, _collapsed(pattern))
    return [walk.found[path] for path in sorted(walk.found)]


@contextmanager
def opened(file: Path) -> Iterator[int]:
    """A descriptor of the regular file `file`, a path without links: no link that was put there since is followed.

    Not for SQLite: closing it would drop the locks that SQLite holds in this process.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(file.parent, PASSING))
        descriptor = os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        stack.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(file.name)
        yield descriptor


def path_of(descriptor: int) -> str:
    """A path that opens this very file, whatever its name means by now."""
    return f"/proc/self/fd/{descriptor}" if Path("/proc/self/fd").is_dir() else f"/dev/fd/{descriptor}"


def identity(file: Path) -> tuple[int, int] | None:
    """Device and number of the regular file at `file`, a path without links; None for anything else. Opens nothing."""
    try:
        with _folder(file.parent, PASSING) as folder:
            status = os.stat(file.name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def is_file(file: Path) -> bool:
    return identity(file) is not None


class _Walk:
    """Looks for files folder by folder, each opened from the one above it and never through a link."""

    def __init__(self, place: Place, suffixes: tuple[str, ...], statement: Statement) -> None:
        self.place, self.suffixes, self.statement = place, suffixes, statement
        self.found: dict[Path, Path] = {}
        self.looked_at = 0

    def visit(self, folder: int, path: Path, pattern: tuple[str, ...], depth: int = 0) -> None:
        head, rest = pattern[0], pattern[1:]
        if depth > MAX_DEPTH:
            raise Misconfigured(f"{self.place.typed} goes deeper than {MAX_DEPTH} folders; name a folder further down.")
        if head == "**" and rest:
            self.visit(folder, path, rest, depth + 1)
        fits = re.compile(translate("*" if head == "**" else head)).fullmatch
        for name, kind in self._entries(folder):
            if name.startswith(".") and not head.startswith("."):
                continue
            if not fits(name):
                continue
            if kind == "folder" and (rest or head == "**"):
                self._enter(folder, path / name, pattern if head == "**" else rest, depth)
            elif kind != "folder" and not rest and name.lower().endswith(self.suffixes):
                self._take(path / name, kind)

    def _entries(self, folder: int) -> Iterator[tuple[str, str]]:
        names = []
        with os.scandir(folder) as entries:
            for entry in entries:
                self._count()
                if entry.is_dir(follow_symlinks=False):
                    names.append((entry.name, "folder"))
                elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    names.append((entry.name, "link" if entry.is_symlink() else "file"))
        return iter(names)

    def _count(self) -> None:
        self.looked_at += 1
        if self.looked_at > MAX_ENTRIES:
            message = f"{self.place.typed} has more than {MAX_ENTRIES:,} files and folders to look through"
            raise Misconfigured(f"{message}; name a folder further down.")
        if self.looked_at % 64 == 0:
            self.statement.check()

    def _enter(self, folder: int, path: Path, pattern: tuple[str, ...], depth: int) -> None:
        self.statement.check()
        if not self._may_enter(path):
            return
        try:
            inner = os.open(path.name, os.O_RDONLY | FOLDER, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise Misconfigured(f"A folder in {self.place.typed} cannot be read: {error.strerror}.") from error
        try:
            self.visit(inner, path, pattern, depth + 1)
        finally:
            os.close(inner)

    def _may_enter(self, path: Path) -> bool:
        """Also into what only leads to the one open folder of the shared ones."""
        leads_to_own = self.place.own is not None and self.place.own.is_relative_to(path)
        return self.place.holds(path) or (leads_to_own and _within(path, self.place.roots))

    def _take(self, path: Path, kind: str) -> None:
        real = _resolved(path) if kind == "link" else path
        if not self.place.holds(real):
            if kind == "link":
                raise self.place.outside()
            return
        if kind == "file" or is_file(real):
            self.found[path] = real
        if len(self.found) > MAX_FILES:
            raise Misconfigured(f"{self.place.typed} holds more than {MAX_FILES} data files; name fewer by a pattern.")


@contextmanager
def _folder(path: Path, flags: int) -> Iterator[int]:
    """A descriptor of the folder `path`, reached from the root without following any link."""
    current = os.open(path.anchor or "/", PASSING)
    try:
        for part in path.parts[1:]:
            current, above = os.open(part, PASSING, dir_fd=current), current
            os.close(above)
        if flags != PASSING:
            current, above = os.open(".", flags, dir_fd=current), current
            os.close(above)
        yield current
    finally:
        os.close(current)


def _is_folder(path: Path) -> bool:
    try:
        with _folder(path, PASSING):
            return True
    except OSError:
        return False


def _checked(place: Place) -> Place:
    """Patterns may begin above the own folder, but only where others are left out on the way."""
    above = bool(place.pattern) and place.shared is not None and place.shared.is_relative_to(place.start)
    if not _within(place.start, place.roots) or not (place.holds(place.start) or above):
        raise place.outside()
    return place


def _resolved(path: Path) -> Path:
    """Links resolved, as far as there is anything; a circle of links leads nowhere and stays as it is."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def _collapsed(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """`**/**` finds what `**` finds."""
    return tuple(
        part for number, part in enumerate(pattern) if part != "**" or number == 0 or pattern[number - 1] != "**"
    )


def _within(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
