"""The history of the store's tables, in alembic's steps."""
