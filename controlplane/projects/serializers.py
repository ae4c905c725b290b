"""The JSON shapes of projects, members, tokens and secrets, and the bodies that make and change them."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from rest_framework import serializers

from controlplane.projects.models import (
    ApiToken,
    Invitation,
    Member,
    Project,
    Role,
    Secret,
    SignIn,
    Theme,
    valid_time_zone,
)
from controlplane.projects.people.addresses import address_of
from controlplane.projects.queries import memberships_of, preferences_of
from controlplane.projects.requests.endpoints import Choice, StrictSerializer


class ProjectSerializer(serializers.ModelSerializer):
    class Meta:
        model = Project
        fields = ["id", "slug", "name", "time_zone", "created_at"]


class MemberSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    user = serializers.CharField(source="user.username")

    class Meta:
        model = Member
        fields = ["id", "project", "user", "role", "created_at"]


class RoleIn(serializers.Serializer):
    project = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)


class MeSerializer(serializers.Serializer):
    username = serializers.CharField()
    email = serializers.CharField(help_text="Empty until it is confirmed.")
    time_zone = serializers.CharField(help_text="Empty: each project's.")
    theme = serializers.ChoiceField(Theme.choices)
    projects = RoleIn(many=True)


def me(user: Any) -> dict[str, Any]:
    chosen = preferences_of(user)
    projects = [{"project": one.project.slug, "role": one.role} for one in memberships_of(user)]
    preferences = {"time_zone": chosen.time_zone, "theme": chosen.theme}
    return {"username": user.get_username(), "email": address_of(user), **preferences, "projects": projects}


class PreferencesChange(StrictSerializer):
    time_zone = serializers.CharField(max_length=64, required=False, allow_blank=True, validators=[valid_time_zone])
    theme = Choice(Theme.choices, required=False)


class SessionSerializer(serializers.ModelSerializer):
    class Meta:
        model = UserSession
        fields = ["id", "ip", "user_agent", "created_at"]


class SignInSerializer(serializers.ModelSerializer):
    class Meta:
        model = SignIn
        fields = ["id", "ip", "user_agent", "created_at", "renewed_at", "expires_at"]


class SessionsSerializer(serializers.Serializer):
    results = SessionSerializer(many=True, help_text="Browsers.")
    sign_ins = SignInSerializer(many=True, help_text="Scripts that signed in with the password.")


class InvitationSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = Invitation
        fields = ["id", "project", "email", "role", "created_by", "created_at", "expires_at"]


class FreshInvitationSerializer(InvitationSerializer):
    url = serializers.CharField(read_only=True, help_text="The link that the address accepts with.")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "url"]


class NewInvitation(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    role = Choice(Role.choices)


class TokenSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = ApiToken
        fields = ["id", "project", "name", "role", "prefix", "created_by", "created_at", "expires_at"]
        fields += ["last_used_at", "revoked_at"]


class FreshTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="What scripts send. Shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class SecretSerializer(serializers.ModelSerializer):
    project: Any = serializers.SlugRelatedField("slug", read_only=True)

    class Meta:
        model = Secret
        fields = ["id", "project", "name", "is_masked", "updated_at", "updated_by"]


class NewProject(StrictSerializer):
    slug = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=200)
    time_zone = serializers.CharField(max_length=64, default="UTC")


class ProjectChange(StrictSerializer):
    name = serializers.CharField(max_length=200, required=False)
    time_zone = serializers.CharField(max_length=64, required=False)


class NewMember(StrictSerializer):
    user = serializers.CharField(max_length=150, help_text="The user name.")
    role = Choice(Role.choices)


class RoleChange(StrictSerializer):
    role = Choice(Role.choices)


class NewToken(StrictSerializer):
    project = serializers.CharField(required=False, help_text="Id or slug; not needed when you reach one only.")
    name = serializers.CharField(max_length=100)
    role = Choice(Role.choices, default=Role.OPERATOR)
    days = serializers.IntegerField(min_value=1, max_value=366, default=90, help_text="Until it expires.")


class NewSecret(StrictSerializer):
    project = serializers.CharField(required=False, help_text="Id or slug; not needed when you reach one only.")
    name = serializers.RegexField(
        r"^[A-Za-z_][A-Za-z0-9_]{0,62}\Z",
        error_messages={"invalid": "Use up to 63 letters, digits and underscores; start with no digit."},
    )
    value = serializers.CharField(trim_whitespace=False, help_text="Never shown again.")


class Credentials(StrictSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    code = serializers.CharField(max_length=20, default="", allow_blank=True, help_text="For two-factor sign-in.")


class Refresh(StrictSerializer):
    refresh = serializers.CharField(max_length=4000)


class TokenPair(serializers.Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()
