"""Who acts, and what they reach. Every action gets one as `by`; every queryset verb `visible_to` takes one."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.domain.action import ROLES
from controlplane.domain.errors import NotAllowed, NotFound
from controlplane.projects.models import ApiToken, Member, Project


@dataclass(frozen=True)
class Actor:
    """A person, token or the system, with one role in one project (`project_id` None: in all of them)."""

    name: str
    role: str
    project_id: int | None
    user_id: int | None = None
    kind: str = "user"
    token_id: int | None = None

    def may(self, role: str, project: object = None) -> bool:
        """True when this actor's role reaches `role`, in `project` (a Project or its id; default: its own)."""
        here = project is None or self.project_id in (None, getattr(project, "pk", project))
        return here and ROLES.index(self.role) >= ROLES.index(role)

    @property
    def project_ids(self) -> list[int] | None:
        return None if self.project_id is None else [self.project_id]


SYSTEM = Actor(name="system", role="admin", project_id=None, kind="system")


@dataclass(frozen=True)
class Access:
    """All a signed-in person or a token may reach: project id -> role. A superuser is admin everywhere.

    `project` is the one that a token is of, already read.
    """

    name: str
    roles: dict[int, str]
    user_id: int | None
    kind: str
    is_superuser: bool = False
    token_id: int | None = None
    project: Project | None = None

    @classmethod
    def of_user(cls, user) -> Access:
        if user.is_superuser:
            roles = dict.fromkeys(Project.objects.values_list("pk", flat=True), "admin")
        else:
            roles = dict(Member.objects.filter(user=user).values_list("project_id", "role"))
        return cls(user.get_username(), roles, user.pk, "user", user.is_superuser)

    @classmethod
    def of_token(cls, token: ApiToken) -> Access:
        """`token` as ApiToken.objects.with_owner() finds it: it never reaches further than its owner does now."""
        roles = {token.project_id: token.role_now} if token.role_now else {}
        name, owner = f"token {token.name}", token.created_by_id
        return cls(name, roles, owner, "token", token_id=token.pk, project=token.project if roles else None)

    @property
    def project_ids(self) -> list[int]:
        return list(self.roles)

    def everywhere(self) -> Actor:
        """This person for what is in no project. Raises NotAllowed unless they administer the installation."""
        if not self.is_superuser:
            raise NotAllowed("Only an administrator of the installation may do this.")
        return Actor(self.name, "admin", None, self.user_id, self.kind)

    def actor_in(self, project_id: int) -> Actor:
        """This person or token, in that project. Raises NotFound for a project out of reach."""
        role = self.roles.get(project_id)
        if role is None:
            raise NotFound("There is no such project.")
        return Actor(self.name, role, project_id, self.user_id, self.kind, self.token_id)
