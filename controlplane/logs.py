"""How log lines look: `text` for people, `json` for collectors (LOG_FORMAT)."""

from __future__ import annotations

import re

import structlog
from structlog.typing import EventDict, Processor

# What stands behind the question mark of an address may open something: the key of an invitation, say.
QUERY = re.compile(r"\?[^\s'\">]+")


def without_queries(logger: object, name: str, line: EventDict) -> EventDict:
    """Requests by their path alone."""
    if "request" in line:
        line["request"] = QUERY.sub("?…", str(line["request"]))
    return line


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    without_queries,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
]


def formatter(*, json: bool) -> dict[str, object]:
    """The `formatters` entry of Django's LOGGING, for our lines and for the libraries' alike."""
    renderer = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        "foreign_pre_chain": SHARED,
    }
