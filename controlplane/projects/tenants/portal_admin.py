"""Django's admin with our own site. A module of its own: it is read before any model is."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class PortalAdmin(AdminConfig):
    default_site = "controlplane.projects.tenants.staff.PortalSite"
