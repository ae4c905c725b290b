"""How our own database shows that it is away."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

# It restarts, or has no connection left for us.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
