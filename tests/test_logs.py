"""What log lines must not hold."""

from __future__ import annotations

import json
import logging
from logging.config import dictConfig

import pytest
from django.test import RequestFactory

from controlplane import logs


@pytest.mark.parametrize("is_json", [True, False])
def test_a_line_about_a_request_has_its_path_and_no_query(is_json, capsys):
    """The key of an invitation stands there, and whoever reads the log could accept it."""
    dictConfig({
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": logs.formatter(json=is_json)},
        "handlers": {"test": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {"tests.lines": {"handlers": ["test"], "level": "INFO", "propagate": False}},
    })  # fmt: skip
    request = RequestFactory().post("/invitation?key=opens-everything")
    logging.getLogger("tests.lines").warning("Conflict: %s", request.path, extra={"request": request})
    line = capsys.readouterr().err
    assert "/invitation" in line
    assert "opens-everything" not in line
    assert not is_json or json.loads(line)["event"] == "Conflict: /invitation"
