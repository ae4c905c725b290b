"""Django's page of a fault, which `make dev` shows, holds no password."""

from __future__ import annotations

import sys

from django.conf import settings
from django.views.debug import ExceptionReporter


def test_addresses_of_servers_are_not_shown(rf, settings):
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://:hush-hush@broker/0"
    settings.CHANNEL_LAYERS = {"default": {"CONFIG": {"hosts": ["redis://:hush-hush@broker/0"]}}}
    settings.CACHES = {"default": {"LOCATION": "redis://:hush-hush@broker/0"}}
    try:
        raise ValueError("something")
    except ValueError:
        reporter = ExceptionReporter(rf.get("/"), *sys.exc_info())
    for page in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "CELERY_BROKER_URL" in page
        assert "hush-hush" not in page
        assert own_password() not in page


def own_password() -> str:
    return settings.DATABASES["default"]["PASSWORD"] or "there-is-none"
