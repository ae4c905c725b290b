"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Portal

PORTAL = Portal(
    operations={
        "bulk": "controlplane.listing.bulk.work.carry_out",
        "export": "controlplane.listing.export.work.carry_out",
    },
)
