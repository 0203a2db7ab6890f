"""Add the valuation day to anchors; existing anchors keep an empty day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("anchors") as anchors:
        anchors.add_column(sa.Column("as_of", sa.String(10), nullable=False, server_default=""))
    with op.batch_alter_table("anchors") as anchors:
        anchors.drop_constraint("pk_anchors", type_="primary")
        anchors.create_primary_key("pk_anchors", ["model_digest", "as_of", "sale_sequence", "market_digest"])
        anchors.alter_column("as_of", existing_type=sa.String(10), existing_nullable=False, server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM anchors WHERE as_of <> ''")
    with op.batch_alter_table("anchors") as anchors:
        anchors.drop_constraint("pk_anchors", type_="primary")
        anchors.create_primary_key("pk_anchors", ["model_digest", "sale_sequence"])
        anchors.drop_column("as_of")
