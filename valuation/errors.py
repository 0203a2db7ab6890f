"""Every error canzhi raises, in one tree; each says what is wrong and what to do about it.

CanzhiError
├── TraceError
│   ├── UnreadableRecord
│   ├── FieldError
│   ├── BatteryCodeError
│   └── RefusedPack
├── MarketError
│   ├── UnreadableQuotes
│   └── MissingQuote
├── PredictorError
│   ├── BundleMismatch
│   ├── BundleTampered
│   ├── UnknownModel
│   └── NotFitted
├── TrainingError
│   ├── UnreadableLedger
│   └── TooFewSales
├── StoreError
│   ├── UnknownValuation
│   ├── UnknownPack
│   ├── UnknownSale
│   ├── SaleClosed
│   ├── IdempotencyConflict
│   └── StoreNotReady
└── SettingError

Weak evidence is no error: it is a caution and a wider band.
"""

from __future__ import annotations


class CanzhiError(Exception):
    """Something was asked that cannot be done; the message names it, the hint is the way out.

    >>> error = FieldError("soh is 1.7, above 1.2", hint="give a fraction: 0.85 for 85 %", field="soh", value=1.7)
    >>> (error.code, error.field, str(error))
    ('field', 'soh', 'soh is 1.7, above 1.2')
    """

    code = "canzhi"

    def __init__(self, message: str, *, hint: str, field: str | None = None, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
        self.value = value


class TraceError(CanzhiError):
    """A record of a pack's life cannot be used."""

    code = "trace"


class UnreadableRecord(TraceError):
    """The file or body is no trace record, passport or table that canzhi can read."""

    code = "unreadable-record"


class FieldError(TraceError):
    """A field holds a wrong type, a wrong unit or an impossible value."""

    code = "field"


class BatteryCodeError(TraceError):
    """A text is no battery code under GB/T 34014, or not exactly one."""

    code = "battery-code"


class RefusedPack(TraceError):
    """The pack must not be valued, for example because it was recycled already."""

    code = "refused-pack"


class MarketError(CanzhiError):
    """The market of the day cannot be established."""

    code = "market"


class UnreadableQuotes(MarketError):
    """The file holds no quotes that canzhi can read."""

    code = "unreadable-quotes"


class MissingQuote(MarketError):
    """A price without which nothing can be valued is not quoted on or before the day."""

    code = "missing-quote"


class PredictorError(CanzhiError):
    """A trained model cannot be used."""

    code = "predictor"


class BundleMismatch(PredictorError):
    """A model bundle was written for other features or by another format."""

    code = "bundle-mismatch"


class BundleTampered(PredictorError):
    """A model bundle's bytes are not those that were signed."""

    code = "bundle-tampered"


class UnknownModel(PredictorError):
    """No model is registered under that name or version."""

    code = "unknown-model"


class NotFitted(PredictorError):
    """The estimator was asked for a value before it saw a sale."""

    code = "not-fitted"


class TrainingError(CanzhiError):
    """A model cannot be trained from what was given."""

    code = "training"


class UnreadableLedger(TrainingError):
    """The file holds no sales ledger that canzhi can read."""

    code = "unreadable-ledger"


class TooFewSales(TrainingError):
    """Fewer usable sales than any honest calibration needs."""

    code = "too-few-sales"


class StoreError(CanzhiError):
    """The store of valuations and histories cannot do what was asked."""

    code = "store"


class UnknownValuation(StoreError):
    """No valuation is kept under that id."""

    code = "unknown-valuation"


class UnknownPack(StoreError):
    """No history is kept under that battery code."""

    code = "unknown-pack"


class UnknownSale(StoreError):
    """No sale was reported under that id."""

    code = "unknown-sale"


class SaleClosed(StoreError):
    """The sale was withdrawn, or put right by another one, and cannot be changed any more."""

    code = "sale-closed"


class IdempotencyConflict(StoreError):
    """The same idempotency key came with another request."""

    code = "idempotency-conflict"


class StoreNotReady(StoreError):
    """The store is missing, of another revision, or cannot be reached."""

    code = "store-not-ready"


class SettingError(CanzhiError):
    """A setting of the surroundings, such as an environment variable, cannot be used."""

    code = "setting"
