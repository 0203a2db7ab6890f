"""Create the tables of valuations, markets, ledger and idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "markets",
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("first_used_at", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_markets"),
    )
    op.create_table(
        "valuations",
        sa.Column("valuation_id", sa.String(40), nullable=False),
        sa.Column("battery_code", sa.Text),
        sa.Column("as_of", sa.String(10), nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("door", sa.String(16), nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("notes", sa.LargeBinary, nullable=False),
        sa.Column("input_digest", sa.String(80), nullable=False),
        sa.Column("market_digest", sa.String(80), nullable=False),
        sa.Column("model_reference", sa.Text),
        sa.Column("model_digest", sa.String(80)),
        sa.Column("code_version", sa.String(40), nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("valuation_id", name="pk_valuations"),
        sa.ForeignKeyConstraint(["market_digest"], ["markets.digest"], name="fk_valuations_market_digest"),
    )
    op.create_index("ix_valuations_battery_code_as_of", "valuations", ["battery_code", "as_of"])
    op.create_index("ix_valuations_created_at", "valuations", ["created_at"])
    op.create_table(
        "ledger",
        sa.Column("sequence", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.String(40), nullable=False),
        sa.Column("recorded_by", sa.String(80), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.String(80), nullable=False),
        sa.Column("entry_hash", sa.String(80), nullable=False, unique=True),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger"),
    )
    op.create_index("ix_ledger_subject_kind_sequence", "ledger", ["subject", "kind", "sequence"])
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(80), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(80), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
    )


def downgrade() -> None:
    for table in ("idempotency", "ledger", "valuations", "markets"):
        op.drop_table(table)
