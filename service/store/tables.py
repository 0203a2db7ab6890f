"""The tables of the store; a test compares them with the result of the migrations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

_DIGEST = String(80)
_MOMENT = String(40)
# SQLite generates sequences only for plain INTEGER keys.
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

markets = Table(
    "markets",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("content", LargeBinary, nullable=False),  # the quotes as read, compressed
    Column("first_used_at", _MOMENT, nullable=False),
)

valuations = Table(
    "valuations",
    metadata,
    Column("valuation_id", String(40), primary_key=True),
    Column("battery_code", Text),
    Column("as_of", String(10), nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("channel", String(16), nullable=False),  # http, page, cli
    Column("request", LargeBinary, nullable=False),  # canonical JSON of the terms: day, level, region, scenario
    Column("record", LargeBinary, nullable=False),  # canonical JSON of the trace record
    Column("notes", LargeBinary, nullable=False),  # notes on normalised values
    Column("input_digest", _DIGEST, nullable=False),
    Column("market_digest", _DIGEST, ForeignKey("markets.digest"), nullable=False),
    Column("model_reference", Text),
    Column("model_digest", _DIGEST),  # null: structural value
    Column("code_version", String(40), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index(None, "battery_code", "as_of"),
    Index(None, "created_at"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),  # pack, event, sale and its steps, valuation, anchor
    Column("subject", Text, nullable=False),  # battery code, sale id or valuation id
    Column("recorded_at", _MOMENT, nullable=False),
    Column("recorded_by", String(80), nullable=False),  # name of the API key, or the channel
    Column("payload", LargeBinary, nullable=False),
    Column("previous", _DIGEST, nullable=False),
    Column("entry_hash", _DIGEST, nullable=False, unique=True),
    Index(None, "subject", "kind", "sequence"),
    Index(None, "kind", "sequence"),
)

anchors = Table(
    "anchors",
    metadata,
    Column("model_digest", _DIGEST, primary_key=True),
    Column("as_of", String(10), primary_key=True),  # empty: stored before anchors had a day
    Column("sale_sequence", _SEQUENCE, primary_key=True, autoincrement=False),  # newest entry about a sale
    Column("market_digest", _DIGEST, primary_key=True),  # of the quotes up to the day
    Column("digest", _DIGEST, nullable=False),  # identifies model and anchor, as in valuations
    Column("summary", LargeBinary, nullable=False),  # JSON: sales used, left out by reason, shift of the model
    Column("content", LargeBinary, nullable=False),  # the recentred band, compressed
    Column("created_at", _MOMENT, nullable=False),
    Index(None, "digest"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", String(80), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", _DIGEST, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
)
