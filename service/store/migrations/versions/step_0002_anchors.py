"""Create the table of anchors: recentred bands of a model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "anchors",
        sa.Column("model_digest", sa.String(80), nullable=False),
        sa.Column("sale_sequence", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("market_digest", sa.String(80), nullable=False),
        sa.Column("summary", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("model_digest", "sale_sequence", name="pk_anchors"),
    )
    op.create_index("ix_anchors_digest", "anchors", ["digest"])
    op.create_index("ix_ledger_kind_sequence", "ledger", ["kind", "sequence"])


def downgrade() -> None:
    op.drop_index("ix_ledger_kind_sequence", "ledger")
    op.drop_index("ix_anchors_digest", "anchors")
    op.drop_table("anchors")
