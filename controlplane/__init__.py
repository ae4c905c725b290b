"""Spark-Ops Control Plane: wiring on top (settings, urls, api, asgi, celery, home), foundation underneath."""
