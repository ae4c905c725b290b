"""Calling tools, agents and instances: what an executor uses. Nothing here knows of runs."""
