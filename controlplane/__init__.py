"""Spark-Ops Control Plane: wiring on top (settings, urls, api, asgi, celery, home), foundation underneath."""

from controlplane.celery import app as celery_app

__all__ = ["celery_app"]
