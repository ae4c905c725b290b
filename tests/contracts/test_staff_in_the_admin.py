"""The Django admin, every table of it: staff who are not superusers see what `visible_to` gives them, nothing else.

The staff member here has every permission there is, and is a viewer in acme alone. Each row of globex holds the word
`theirs`, or its project's name.
"""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse

from agents.models import Instance
from controlplane.projects.models import ApiToken, Invitation, Member, Project, Secret
from controlplane.projects.tenants.staff import Scoped
from runs.models import Attempt, StepRun
from tests.world import PASSWORD

pytestmark = pytest.mark.django_db
SCOPED = [model for model, its in admin.site._registry.items() if isinstance(its, Scoped)]
CLOSED = [model for model in admin.site._registry if model not in SCOPED]
FOREIGN = ("theirs", "Globex", "globex")


def label(model) -> str:
    return model._meta.label


def url(model, page: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def staff_member(standing, name: str) -> Client:
    user = standing.world.people[name]
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(standing) -> Client:
    for step in StepRun.objects.all():
        defaults = {"worker": "one", "state": "running"}
        Attempt.objects.get_or_create(run_id=step.run_id, step=step, number=1, defaults=defaults)
    return staff_member(standing, "vera")


@pytest.fixture
def root(standing) -> Client:
    client = Client()
    client.force_login(standing.world.root)
    return client


def rows_of(client: Client, model, **query) -> set:
    answer = client.get(url(model, "changelist"), {"all": "", **query})
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].queryset}


def test_accounts_sessions_and_second_factors_are_among_the_closed():
    assert {User, Group, EmailAddress, Authenticator, UserSession} <= set(CLOSED)


@pytest.mark.parametrize("model", CLOSED, ids=label)
def test_what_is_in_no_project_is_for_superusers(staff, root, model):
    row = model.objects.order_by("pk").first()
    of_one = [url(model, page, row.pk) for page in ("change", "delete", "history")] if row else []
    pages = [url(model, "changelist"), url(model, "add"), *of_one]
    assert {page: staff.get(page).status_code for page in pages} == dict.fromkeys(pages, 403)
    assert url(model, "changelist") not in staff.get("/admin/").content.decode()
    assert root.get(url(model, "changelist")).status_code == 200


@pytest.mark.parametrize("model", SCOPED, ids=label)
def test_lists_pages_and_filters_show_own_projects_only(standing, staff, root, model):
    seen, all_rows = rows_of(staff, model), rows_of(root, model)
    foreign = all_rows - seen
    assert foreign, "there is nothing of globex, so this shows nothing"
    html = staff.get(url(model, "changelist")).content.decode()
    assert [word for word in FOREIGN if word in html] == []
    for pk in foreign:
        for page in ("change", "history", "delete"):
            answer = staff.get(url(model, page, pk))
            assert (answer.status_code, answer.headers.get("Location", "/admin/")) in [
                (302, "/admin/"),
                (403, "/admin/"),
            ]
    for pk in list(seen)[:1]:
        assert staff.get(url(model, "change", pk)).status_code == 200
        assert staff.get(url(model, "history", pk)).status_code == 200


@pytest.mark.parametrize("model", SCOPED, ids=label)
def test_asking_for_a_foreign_project_shows_nothing_of_it(standing, staff, model):
    if "project" in admin.site._registry[model].list_filter:
        assert rows_of(staff, model, project__id__exact=standing.theirs.project.pk) <= rows_of(staff, model)


def test_no_admin_has_rows_of_another_within_its_page():
    assert [its for its in admin.site._registry.values() if its.inlines] == []


@pytest.mark.parametrize("model", SCOPED, ids=label)
def test_menus_of_related_things_offer_own_projects_only(standing, staff, model):
    request = staff.get("/admin/").wsgi_request
    its = admin.site._registry[model]
    for field in model._meta.get_fields():
        related = field.related_model if field.concrete and (field.many_to_one or field.many_to_many) else None
        if related is None:
            continue
        offered = its.formfield_for_dbfield(field, request).queryset
        allowed = rows_of(staff, related) if related in SCOPED else set()
        assert {row.pk for row in offered} <= allowed, field


def test_searching_for_a_related_thing_finds_own_projects_only(staff):
    asked = {"app_label": "projects", "model_name": "member", "term": ""}
    found = staff.get("/admin/autocomplete/", {**asked, "field_name": "project"}).json()["results"]
    assert [one["text"] for one in found] == ["Acme"]
    assert staff.get("/admin/autocomplete/", {**asked, "field_name": "user"}).status_code == 403


@pytest.mark.parametrize("model", SCOPED, ids=label)
def test_no_action_reaches_a_foreign_row(standing, staff, root, model):
    foreign = list(rows_of(root, model) - rows_of(staff, model))
    before = list(model.objects.filter(pk__in=foreign).order_by("pk").values())
    names = admin.site._registry[model].get_actions(root.get("/admin/").wsgi_request)
    for name in names:
        staff.post(url(model, "changelist"), {"action": name, "_selected_action": foreign, "post": "yes"})
    assert list(model.objects.filter(pk__in=foreign).order_by("pk").values()) == before


def test_permissions_of_the_admin_are_no_role_in_the_project(standing, staff):
    """vera is a viewer: she sees, and changes nothing."""
    mine, acme = standing.mine, standing.world.acme
    assert staff.post(url(Project, "change", acme.pk), {"name": "Hers", "time_zone": "UTC"}).status_code == 403
    assert staff.post(url(Member, "change", mine.ids["member"]), {"role": "viewer"}).status_code == 403
    assert staff.post(url(Member, "delete", mine.ids["member"]), {"post": "yes"}).status_code == 403
    assert staff.post(url(Project, "delete", acme.pk), {"post": "yes"}).status_code == 403
    assert [staff.get(url(model, "add")).status_code for model in (Project, Member)] == [403, 403]
    staff.post(url(Project, "changelist"), {"action": "delete_selected", "_selected_action": [acme.pk], "post": "yes"})
    assert Project.objects.get(pk=acme.pk).name == "Acme"
    assert Member.objects.get(pk=mine.ids["member"]).role == "admin"


def test_administrators_of_a_project_change_it_and_see_its_invitations(standing):
    alice, mine = staff_member(standing, "alice"), standing.mine
    assert alice.post(url(Member, "change", mine.ids["member"]), {"role": "viewer"}).status_code == 302
    assert Member.objects.get(pk=mine.ids["member"]).role == "viewer"
    assert rows_of(alice, Invitation) == {mine.ids["invitation"]}
    assert mine.ids["token"] in rows_of(alice, ApiToken)


def test_tokens_and_invitations_of_others_are_not_for_viewers(standing, staff):
    assert rows_of(staff, Invitation) == set()
    assert standing.mine.ids["token"] not in rows_of(staff, ApiToken)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [(Secret, "sealed__startswith"), (ApiToken, "secret_hash__regex"), (Instance, "sealed_url__lt")],
)
def test_nobody_guesses_what_is_sealed_with_a_filter(standing, staff, model, lookup):
    assert staff.get(url(model, "changelist")).status_code == 200
    assert staff.get(url(model, "changelist"), {lookup: "k"}).status_code == 400


def test_nobody_makes_themselves_a_superuser(standing, staff):
    vera = standing.world.vera
    sent = account_fields(vera, is_staff="on", is_superuser="on")
    assert staff.post(url(User, "change", vera.pk), sent).status_code == 403
    assert staff.post(f"/admin/auth/user/{vera.pk}/password/", {"password1": PASSWORD}).status_code == 403
    assert staff.post(url(Group, "add"), {"name": "all"}).status_code == 403
    assert not User.objects.get(pk=vera.pk).is_superuser


def account_fields(user, **changed) -> dict[str, str]:
    joined = {"date_joined_0": f"{user.date_joined:%Y-%m-%d}", "date_joined_1": f"{user.date_joined:%H:%M:%S}"}
    return {"username": user.username, "is_active": "on", **joined, **changed}


def test_a_superuser_vouches_for_an_address_and_the_old_one_is_told(standing, root):
    bob = standing.world.bob
    page = url(User, "change", bob.pk)
    assert "has this address" in root.post(page, account_fields(bob, email="VERA@example.com")).content.decode()
    assert root.post(page, account_fields(bob, email="Bob@New.example")).status_code == 302
    rows = EmailAddress.objects.filter(user=bob).values_list("email", "verified", "primary")
    assert list(rows) == [("bob@new.example", True, True)]
    assert [letter.to for letter in mail.outbox] == [["bob@example.com"]]
    assert root.post(page, account_fields(bob, email="")).status_code == 302
    assert not EmailAddress.objects.filter(user=bob).exists()


def test_not_even_a_superuser_sees_what_is_in_a_second_factor(standing, root):
    device = Authenticator.objects.create(user=standing.world.bob, type="totp", data={"secret": "SEALEDTEXT"})
    html = root.get(url(Authenticator, "change", device.pk)).content.decode()
    assert "SEALEDTEXT" not in html
    assert root.post(url(Authenticator, "delete", device.pk), {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.exists()
