from controlplane.portal.descriptor import Entry, Look, Portal, Subject, Sweep, Words

PORTAL = Portal(
    navigation=(Entry("Parcels", "batch", "parcels:list", 60),),
    subjects=(Subject("parcel", "parcels:detail", icon="batch", model="parcels.Parcel"),),
    words={"parcel.sent": Words("sent away")},
    looks={"packed": Look("Packed and ready", "info", "info")},
    lists={"parcels": "parcels.lists.PARCELS"},
    sweeps=(Sweep("parcels_sent", "parcels.sweep.send_parcels"),),
    metrics=("parcels.metrics.measure",),
)
