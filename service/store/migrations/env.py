"""Alembic's entry: run the steps on the connection that :func:`service.store.upgrade.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from service.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
