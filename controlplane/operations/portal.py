"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Entry, Portal, Subject, Sweep

PORTAL = Portal(
    navigation=(Entry("Operations", "batch", "operations:list", 50),),
    subjects=(Subject("operation", "operations:detail", icon="batch"),),
    sweeps=(
        Sweep("operations_rung", "controlplane.operations.carrying.sweep.ring_for_operations"),
        Sweep("operations_forgotten", "controlplane.operations.carrying.sweep.forget_old_operations"),
    ),
)
