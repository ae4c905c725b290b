"""Verbs on saved views."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from controlplane.domain.action import Actor, action
from controlplane.domain.errors import Conflict, FieldError, InvalidInput, NotAllowed, NotFound
from controlplane.domain.recording import record
from controlplane.listing import events
from controlplane.listing.declaration import registry
from controlplane.listing.models import SavedView
from controlplane.listing.reading.request import state_of
from controlplane.projects.actions import checked
from controlplane.projects.models import Project

# More than anybody finds something in.
MOST_VIEWS = 100


def not_theirs(view: SavedView, by: Actor) -> str:
    """Why `by` may not change the view; empty when they may."""
    if view.may_be_changed_by(by):
        return ""
    return "Shared views need the role editor in this project." if view.is_shared else "This view is not yours."


@action(label="Save view", role="viewer", icon="save")
def save_view(
    project: Project, *, listing: str, name: str, query: str = "", is_shared: bool = False, by: Actor
) -> SavedView:
    """A new view of the list called `listing` in this project. Raises InvalidInput, Conflict when the name is taken."""
    if by.user_id is None:
        raise NotAllowed("A saved view belongs to a person.")
    if listing not in registry.list_names():
        raise InvalidInput.field("list", f"Choose one of {', '.join(registry.list_names())}.")
    view = SavedView(project=project, owner_id=by.user_id, listing=listing, is_shared=is_shared)
    require_leave(view, by)
    if SavedView.objects.filter(project=project, listing=listing, owner_id=by.user_id).count() >= MOST_VIEWS:
        raise InvalidInput.field("name", f"You have {MOST_VIEWS} views of this list. Delete one first.", "too_many")
    write(view, name=name, query=query, by=by)
    if is_shared:
        record(events.VIEW_SHARED, view, by=by, name=view.name)
    return view


@action(label="Update view", role="viewer", icon="save", refused_to=not_theirs)
def update_view(view: SavedView, *, name: str | None = None, query: str | None = None, by: Actor) -> SavedView:
    """None leaves the name or the query as it is. Raises InvalidInput, and Conflict for a name that is taken."""
    hold(view, by)
    write(view, name=view.name if name is None else name, query=view.query if query is None else query, by=by)
    record_shared(events.VIEW_UPDATED, view, by)
    return view


@action(label="Change view", role="viewer")
def change_view(
    view: SavedView,
    *,
    name: str | None = None,
    query: str | None = None,
    is_shared: bool | None = None,
    is_default: bool | None = None,
    by: Actor,
) -> SavedView:
    """Several of the verbs at once; what is None stays."""
    if is_shared is not None:
        (share_view if is_shared else unshare_view)(view, by=by)
    if is_default is not None:
        (make_default if is_default else drop_default)(view, by=by)
    return view if name is query is None else update_view(view, name=name, query=query, by=by)


@action(label="Share", role="editor", icon="member", refused_to=not_theirs)
def share_view(view: SavedView, *, by: Actor) -> SavedView:
    """From now on everybody in the project has it, and editors change it."""
    hold(view, by)
    if not view.is_shared:
        save_or_conflict(view, by, is_shared=True, is_default=False)
        record(events.VIEW_SHARED, view, by=by, name=view.name)
    return view


@action(label="Stop sharing", role="editor", icon="lock", refused_to=not_theirs)
def unshare_view(view: SavedView, *, by: Actor) -> SavedView:
    """It goes back to whom it was made by."""
    hold(view, by)
    if view.is_shared:
        save_or_conflict(view, by, is_shared=False, is_default=False)
        record(events.VIEW_UNSHARED, view, by=by, name=view.name)
    return view


@action(label="Open first", role="viewer", icon="star", refused_to=not_theirs)
def make_default(view: SavedView, *, by: Actor) -> SavedView:
    """What the list opens with: a personal view for its owner, a shared one for all who have none of their own."""
    hold(view, by)
    others = SavedView.objects.filter(project=view.project, listing=view.listing, is_shared=view.is_shared)
    others = others if view.is_shared else others.filter(owner=view.owner)
    others.filter(is_default=True).exclude(pk=view.pk).update(is_default=False)
    save_or_conflict(view, by, is_default=True)
    record_shared(events.VIEW_UPDATED, view, by)
    return view


@action(label="Do not open first", role="viewer", icon="star", refused_to=not_theirs)
def drop_default(view: SavedView, *, by: Actor) -> SavedView:
    hold(view, by)
    save_or_conflict(view, by, is_default=False)
    record_shared(events.VIEW_UPDATED, view, by)
    return view


@action(
    label="Delete view",
    role="viewer",
    tone="danger",
    icon="delete",
    confirm="Delete the view {subject}?",
    refused_to=not_theirs,
)
def delete_view(view: SavedView, *, by: Actor) -> None:
    hold(view, by)
    record_shared(events.VIEW_DELETED, view, by)
    view.delete()


def hold(view: SavedView, by: Actor) -> None:
    """Make it what it is now, and keep others from it until the transaction ends. Raises NotFound, NotAllowed."""
    try:
        view.refresh_from_db(from_queryset=SavedView.objects.select_for_update())
    except SavedView.DoesNotExist as error:
        raise NotFound("This view was deleted.") from error
    require_leave(view, by)


def require_leave(view: SavedView, by: Actor) -> None:
    """Raises NotAllowed."""
    if reason := not_theirs(view, by):
        raise NotAllowed(reason)


def record_shared(event: str, view: SavedView, by: Actor) -> None:
    if view.is_shared:
        record(event, view, by=by, name=view.name)


def write(view: SavedView, *, name: str, query: str, by: Actor) -> None:
    """Raises InvalidInput when the name makes no address or the list does not understand the query."""
    view.name, view.slug = name.strip(), slugify(name)[:63].strip("-_")
    if not view.slug:
        raise InvalidInput.field("name", "Give the view a name with letters or digits.")
    view.query = state_of(registry.find_listing(view.listing), query, who=by, project=view.project)
    save_or_conflict(view, by)


def save_or_conflict(view: SavedView, by: Actor, **changes: bool) -> None:
    """With `changes` set. Raises Conflict when a view of this list has the name already."""
    for name, value in changes.items():
        setattr(view, name, value)
    view.updated_by = by.name
    checked(view)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        message = f"There is a view “{view.name}” of this list already."
        raise Conflict(message, errors=[FieldError("name", message, "taken")]) from error
