"""Alembic environment: runs the migrations on the connection of :func:`service.store.upgrade.upgrade`."""

from __future__ import annotations

from alembic import context

from service.store.tables import metadata
from service.store.upgrade import STEP_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=STEP_TABLE
)
context.run_migrations()
