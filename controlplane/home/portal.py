"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Entry, Portal

PORTAL = Portal(navigation=(Entry("Overview", "home", "home:overview", 10),))
