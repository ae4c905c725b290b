"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Portal

PORTAL = Portal(
    operations={
        "bulk": "controlplane.listing.bulk.work.work_on_rows",
        "export": "controlplane.listing.export.work.make_file",
    },
)
