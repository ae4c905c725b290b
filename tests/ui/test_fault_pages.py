"""Django's page of a fault, which `make dev` shows, holds no password."""

from __future__ import annotations

import sys

from django.conf import settings
from django.views.debug import ExceptionReporter

# In pieces, for the page quotes the lines of this file.
PASSWORD = "-".join(["hush", "hush"])
ADDRESS = f"redis://:{PASSWORD}@broker/0"


def test_addresses_of_servers_are_not_shown(rf, settings):
    settings.REDIS_URL = settings.CELERY_BROKER_URL = ADDRESS
    settings.CHANNEL_LAYERS = {"default": {"CONFIG": {"hosts": [ADDRESS]}}}
    settings.CACHES = {"default": {"LOCATION": ADDRESS}}
    reporter = ExceptionReporter(rf.get("/"), *fault())
    for page in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "CELERY_BROKER_URL" in page
        assert PASSWORD not in page
        assert own_password() not in page


def fault() -> tuple:
    try:
        raise ValueError("something")
    except ValueError:
        return sys.exc_info()


def own_password() -> str:
    return settings.DATABASES["default"]["PASSWORD"] or "there-is-none"
