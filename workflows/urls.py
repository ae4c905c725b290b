"""Pages of this app, under /p/<project>/."""

from __future__ import annotations

from django.urls import path

from workflows import views
from workflows.editing import page as editing
from workflows.exchange import page as exchanging

app_name = "workflows"

urlpatterns = [
    # workflows/
    path("workflows/", views.WorkflowList.as_view(), name="list"),
    path("workflows/new", editing.New.as_view(), name="new"),
    path("workflows/check", editing.Check.as_view(), name="check"),
    path("workflows/words", editing.Words.as_view(), name="words"),
    path("workflows/outline", editing.Outline.as_view(), name="outline"),
    path("workflows/import", exchanging.Import.as_view(), name="import"),
    # workflows/<id>/
    path("workflows/<int:pk>/", views.Detail.as_view(), name="detail"),
    path("workflows/<int:pk>/details", views.Details.as_view(), name="details"),
    path("workflows/<int:pk>/copy", views.Copy.as_view(), name="copy"),
    path("workflows/<int:pk>/archive", views.Archive.as_view(), name="archive"),
    path("workflows/<int:pk>/unarchive", views.Unarchive.as_view(), name="unarchive"),
    path("workflows/<int:pk>/deletion", views.Delete.as_view(), name="delete"),
    path("workflows/<int:pk>/export", exchanging.ExportPage.as_view(), name="export"),
    # workflows/<id>/draft
    path("workflows/<int:pk>/draft", editing.Edit.as_view(), name="edit"),
    path("workflows/<int:pk>/draft/release", views.Release.as_view(), name="release"),
    path("workflows/<int:pk>/draft/discard", views.DraftDiscard.as_view(), name="discard"),
    path("workflows/<int:pk>/draft/import", exchanging.DraftImport.as_view(), name="draft_import"),
    # workflows/<id>/versions/
    path("workflows/<int:pk>/versions/", views.VersionList.as_view(), name="versions"),
    path("workflows/<int:pk>/versions/<int:number>/", views.OneVersion.as_view(), name="version"),
    path("workflows/<int:pk>/versions/<int:number>/restoration", views.Restoration.as_view(), name="restore"),
    path("workflows/<int:pk>/diff", views.DiffPage.as_view(), name="diff"),
]
