"""What the roles are told: addresses and keys, kept private in the data folder while the servers run."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from controlplane.embedded.folders import data_folder
from controlplane.embedded.problems import CannotStart

SHARED = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "SPARKOPS_SECRETS_KEYS",
    "SPARKOPS_DATA_DIR",
    "SPARKOPS_OUTBOUND_ALLOW",
    "SPARKOPS_INSTANCE_SOCKETS",
    "SPARKOPS_INSTANCE_CERTIFICATES",
)


def given(name: str) -> bool:
    """Whether the environment sets `name`, directly or by a file."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def load_keys(data: Path) -> None:
    """Set SECRET_KEY and SPARKOPS_SECRETS_KEYS from the data folder, made on first use, unless they are given."""
    makers: dict[str, Callable[[], str]] = {
        "SECRET_KEY": lambda: secrets.token_urlsafe(50),
        "SPARKOPS_SECRETS_KEYS": lambda: f"k1:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
    }
    for name, make in makers.items():
        if not given(name):
            os.environ[name] = read_or_make(data / name.lower(), make)


def allow_own_address(address: str) -> None:
    """Let tools call this portal at `address` (`host:port`), although it is a private one."""
    allowed = [part.strip() for part in os.environ.get("SPARKOPS_OUTBOUND_ALLOW", "").split(",") if part.strip()]
    if address not in allowed:
        os.environ["SPARKOPS_OUTBOUND_ALLOW"] = ",".join([*allowed, address])


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`, made and written with mode 0600 when there is none yet."""
    if not path.exists():
        write_private(path, make() + "\n")
    text = path.read_text().strip()
    if not text:
        raise CannotStart(f"The key file {path} is empty. Restore it from a backup: what it encrypted needs it.")
    return text


def write_private(path: Path, text: str) -> None:
    """Write `path` whole or not at all, readable by its owner only."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def publish(data: Path) -> None:
    """Let other commands on this machine find the servers while they run."""
    facts = {name: os.environ[name] for name in SHARED if os.environ.get(name)}
    write_private(data / "environment.json", json.dumps(facts))


def withdraw(data: Path) -> None:
    (data / "environment.json").unlink(missing_ok=True)


def join() -> None:
    """Give a command what `up` told its roles, so that `manage.py shell` works beside it; changes nothing given."""
    if given("DATABASE_URL") or given("SECRET_KEY"):
        return
    try:
        facts = json.loads((data_folder() / "environment.json").read_text())
    except (OSError, ValueError, CannotStart):
        return
    for name, value in facts.items():
        os.environ.setdefault(name, value)
