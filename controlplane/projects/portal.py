"""What this app adds to the portal."""

from __future__ import annotations

from controlplane.portal.descriptor import Entry, Portal, Section, Subject, Sweep, Words

PORTAL = Portal(
    navigation=(
        Entry("Members", "member", "projects:members", 10, Section.SETTINGS),
        Entry("API tokens", "token", "projects:tokens", 20, Section.SETTINGS),
        Entry("Secrets", "secret", "projects:secrets", 30, Section.SETTINGS),
        Entry("Project", "settings", "projects:settings", 40, Section.SETTINGS, role="admin"),
    ),
    subjects=(Subject("project", icon="settings"),),
    words={"member.changed": Words("changed the role of"), "project.updated": Words("changed")},
    sweeps=(
        Sweep("letters", "controlplane.projects.people.letters.ring_for_letters"),
        Sweep("forgotten", "controlplane.projects.requests.idempotency.forget_old_answers"),
        Sweep("limits_forgotten", "controlplane.projects.people.remembering.forget_what_is_over"),
        Sweep("sign_ins_forgotten", "controlplane.projects.people.sign_in.forget_old_sign_ins"),
        Sweep("sessions_forgotten", "controlplane.projects.people.sessions.forget_old_sessions"),
    ),
)
