"""A thing for tests that has a stream of its own: `/ws/probes/ID`, in the project whose id is ID // 1000."""

from __future__ import annotations

from controlplane.events.live.notify import notify_subject
from controlplane.events.models import Event
from controlplane.projects.models import Project

KIND = "probe"
STREAMS_A_PROJECT = 1000


def project_of(probe_id: int) -> int | None:
    return Project.objects.filter(pk=probe_id // STREAMS_A_PROJECT).values_list("pk", flat=True).first()


class Probe:
    """A thing with a stream, as a run is one."""

    def __init__(self, project: Project, number: int = 1) -> None:
        self.project, self.pk, self.seq = project, project.pk * STREAMS_A_PROJECT + number, 0

    @property
    def path(self) -> str:
        return f"/ws/probes/{self.pk}"

    def write(self, count: int = 1, type: str = "probe.moved", **data: object) -> None:
        """`count` events in one transaction, and the bell."""
        first = self.seq + 1
        self.seq += count
        Event.objects.bulk_create(
            Event(
                project=self.project,
                subject_kind=KIND,
                subject_id=self.pk,
                seq=seq,
                type=type,
                actor="probe",
                data={"n": seq, **data},
            )
            for seq in range(first, self.seq + 1)
        )
        notify_subject(KIND, self.pk, self.project.pk, self.seq)
