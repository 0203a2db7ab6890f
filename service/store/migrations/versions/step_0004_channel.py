"""Rename the column `door` of the valuations to `channel`; rows written before keep their value."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("valuations") as valuations:
        valuations.alter_column("door", new_column_name="channel")


def downgrade() -> None:
    with op.batch_alter_table("valuations") as valuations:
        valuations.alter_column("channel", new_column_name="door")
