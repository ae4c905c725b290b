"""A process whose portal has one app more. Prints what it sees, as JSON, and takes its table with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(sys.argv[1])
ADDRESSES = """
from django.urls import include, path
from controlplane.urls import *
from controlplane.urls import project_urls
project_urls.append(path("", include("parcels.urls")))
"""


def begin() -> None:
    """What whoever adds an app writes outside of its folder: the app's name and its addresses."""
    sys.path.insert(0, str(FOLDER))
    (FOLDER / "with_parcels_urls.py").write_text(ADDRESSES)
    settings.INSTALLED_APPS.append("parcels")
    settings.ROOT_URLCONF = "with_parcels_urls"
    django.setup()


def look() -> dict[str, object]:
    from django.contrib.auth.models import User
    from django.test import Client
    from parcels.models import Parcel

    from controlplane.events.feed.wording import line_of
    from controlplane.events.models import Event
    from controlplane.portal.sweeping import sweep
    from controlplane.projects.models import Project
    from tests.cookies import use_cookies

    use_cookies()
    vera = User.objects.get(username="vera")
    parcel = Parcel.objects.create(project=Project.objects.get(slug="acme"), name="Red box")
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(vera)
    event = Event(
        type="parcel.sent", subject_kind="parcel", subject_id=parcel.pk, actor="bob", data={"name": "Red box"}
    )
    line = line_of(event, "acme")
    return {
        "page": client.get("/p/acme/parcels/").content.decode(),
        "search": client.get("/p/acme/search?q=red").content.decode(),
        "address": line.url,
        "line": f"{line.before} {line.subject} {line.icon}",
        "swept": sweep()["parcels_sent"],
        "metrics": client.get("/metrics").content.decode(),
    }


def main() -> None:
    begin()
    from django.db import connection
    from parcels.models import Parcel

    with connection.schema_editor() as editor:
        editor.create_model(Parcel)
    try:
        json.dump(look(), sys.stdout)
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Parcel)


main()
