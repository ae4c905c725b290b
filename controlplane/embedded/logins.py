"""Who may sign in to the embedded PostgreSQL: three kinds of accounts, each by password (SCRAM), nobody else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from controlplane.embedded.accounts import Account
from controlplane.embedded.environment import read_or_make

SUPERUSER, ROLE = "postgres", "sparkops"
# Its members may sign in as well: roles that the portal makes for reading.
READERS = "sparkops_readers"
ITERATIONS, SALT_BYTES = 4096, 16
# No account is known by its system user: whatever a worker connects to for an editor, it does as the system user
# that the portal itself is.
RULES = f"""# Spark-Ops writes this file at each start.
local  all  {SUPERUSER},{ROLE},+{READERS}  scram-sha-256
local  all  all  reject
host  all  all  all  reject
"""


@dataclass(frozen=True)
class Passwords:
    """The superuser's is known to this process only, new at each start; the portal's is kept with its other keys."""

    portal: str = field(repr=False)
    superuser: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


def load_passwords(path: Path) -> Passwords:
    """`path` holds the portal's password, made now when there is none. Raises CannotStart when it is empty."""
    return Passwords(portal=read_or_make(path, lambda: secrets.token_hex(32)))


def write_rules(data: Path, account: Account | None) -> None:
    """Admit to the cluster in the folder `data` only whom RULES name, whatever stood there before."""
    draft = data / "pg_hba.conf.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(RULES)
        if account:
            os.fchown(file.fileno(), account.uid, account.gid)
    draft.rename(data / "pg_hba.conf")


def verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), so that no statement and no log holds the password itself."""
    salt = os.urandom(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(keyed(salted, b"Client Key")).digest()
    parts = [base64.b64encode(part).decode() for part in (salt, stored, keyed(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"


def keyed(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
