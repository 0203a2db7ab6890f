"""Alembic's entry: run the steps on the connection that :func:`service.store.upgrade.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from service.store.tables import metadata
from service.store.upgrade import STEP_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=STEP_TABLE
)
context.run_migrations()
