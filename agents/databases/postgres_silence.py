"""Why a connection to PostgreSQL did not come about, without telling what else is there: whether a port is closed, a
host silent or something else answers is for the log. What a PostgreSQL that may be reached says is passed on.
"""

from __future__ import annotations

import logging
import re

from agents.databases.connect import Connection
from agents.databases.failures import ConnectionFailed
from agents.databases.postgres_address import typed
from controlplane.domain.redaction import Redactor

logger = logging.getLogger(__name__)
# The server's own words come with a severity and two spaces, as in "FATAL:  password authentication failed".
SERVER_SAID = re.compile(r" failed: (\w+:  .+)")
# And libpq's own on what only a server that answered in PostgreSQL's way, or the URL, can be the cause of.
WORTH_TELLING = re.compile(
    r"((?:weak ssl|no password supplied|authentication method requirement|server does not support SSL|channel binding|"
    r"SSL error: (?:certificate verify failed|tlsv1 alert)|server certificate for|session is (?:not )?read-only|"
    r"server is (?:not )?in hot standby|SCRAM)[^\n]*)"
)


def unreached(connection: Connection, error: Exception) -> ConnectionFailed:
    redactor, text = Redactor(connection.secrets), str(error).strip()
    place = typed(connection.conninfo)
    said = SERVER_SAID.search(text) or WORTH_TELLING.search(text)
    logger.info(
        "A database was not reached",
        extra={"action": "database_unreached", "hosts": place, "error": redactor.text(text)},
    )
    message = f"The database at {place} cannot be reached" + (f": {said[1].strip()}" if said else "")
    return ConnectionFailed(redactor.text(message.rstrip(".") + "."), sqlstate=getattr(error, "sqlstate", None))
