"""Where things lie: the data folder, and a private folder for sockets, its path short and without a space."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from controlplane.embedded.accounts import Account
from controlplane.embedded.problems import CannotStart

REPOSITORY = Path(__file__).resolve().parents[2]
# A socket address holds about 104 bytes on the strictest system; the names below need up to 40 of them.
LONGEST_BASE = 60


def data_folder() -> Path:
    """The absolute data folder (SPARKOPS_DATA_DIR, else `var/`), made if missing."""
    folder = Path(os.environ.get("SPARKOPS_DATA_DIR") or REPOSITORY / "var").resolve()
    try:
        # Root lets others pass through, for PostgreSQL runs as somebody else; the files inside are private.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(
            f"The data folder {folder} cannot be made ({error.strerror}). Set SPARKOPS_DATA_DIR to a folder of yours."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotStart(f"The data folder {folder} cannot be written. Set SPARKOPS_DATA_DIR to a folder of yours.")
    return folder


def runtime_folder(data: Path, account: Account | None = None) -> Path:
    """A folder of mode 0700 for the sockets of `data`, owned by `account` or by us.

    The name comes from the data folder and the user, so a later start finds it again.
    """
    owner = account.uid if account else os.geteuid()
    folder = socket_base() / f"sparkops-{mark(data, owner)}"
    try:
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not folder.is_dir() or folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise CannotStart(f"{folder} exists but is not a private folder of ours. Remove it, or set TMPDIR.")
    return folder


def mark(data: Path, owner: int) -> str:
    """A short name for a data folder and the user it is served by, the same at every start."""
    return hashlib.sha256(f"{owner}:{data.resolve()}".encode()).hexdigest()[:12]


def socket_base() -> Path:
    """The system's temporary folder, or `/tmp` when that path is too long for a socket or holds a space."""
    base = tempfile.gettempdir()
    fits = len(base.encode()) <= LONGEST_BASE and not any(character.isspace() for character in base)
    return Path(base if fits else "/tmp")  # noqa: S108
