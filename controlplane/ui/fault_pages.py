"""What Django's own page of a fault (DEBUG) keeps to itself."""

from __future__ import annotations

import re

from django.views.debug import SafeExceptionReporterFilter


class FaultFilter(SafeExceptionReporterFilter):
    """Addresses of servers hold passwords as well."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|DSN|LOCATION|HOSTS", re.IGNORECASE
    )
