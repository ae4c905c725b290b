"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Entry, Portal, Sweep

PORTAL = Portal(
    navigation=(Entry("Activity", "activity", "events:activity", 40),),
    sweeps=(Sweep("reactions", "controlplane.events.reactions.reacting.react"),),
    metrics=("controlplane.events.metrics.measure", "controlplane.events.reactions.metrics.measure"),
)
