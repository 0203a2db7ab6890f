"""Every error that canzhi raises, in one tree; each has a message with the cause and a hint with the next step.

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

Weak evidence is not an error: it gives a caution and a wider band.
"""

from __future__ import annotations


class CanzhiError(Exception):
    """A request that cannot be fulfilled; the message names the cause, the hint the next step.

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
    """A traced record cannot be used."""

    code = "trace"


class UnreadableRecord(TraceError):
    """The file or body is not a trace record, passport or table that canzhi can read."""

    code = "unreadable-record"


class FieldError(TraceError):
    """A field holds a wrong type, a wrong unit or an impossible value."""

    code = "field"


class BatteryCodeError(TraceError):
    """A text is not one battery code under GB/T 34014."""

    code = "battery-code"


class RefusedPack(TraceError):
    """The pack must not be valued, for example because it was already recycled."""

    code = "refused-pack"


class MarketError(CanzhiError):
    """The market on the valuation day cannot be determined."""

    code = "market"


class UnreadableQuotes(MarketError):
    """The file holds no quotes that canzhi can read."""

    code = "unreadable-quotes"


class MissingQuote(MarketError):
    """A price that the pack's value needs is not quoted on or before the valuation day."""

    code = "missing-quote"


class PredictorError(CanzhiError):
    """A trained model cannot be used."""

    code = "predictor"


class BundleMismatch(PredictorError):
    """A model bundle was written for other features or in another format."""

    code = "bundle-mismatch"


class BundleTampered(PredictorError):
    """The bytes of a model bundle differ from those that were signed."""

    code = "bundle-tampered"


class UnknownModel(PredictorError):
    """No model is registered under that name or version."""

    code = "unknown-model"


class NotFitted(PredictorError):
    """The estimator was asked for a value before it was fitted."""

    code = "not-fitted"


class TrainingError(CanzhiError):
    """A model cannot be trained from the given data."""

    code = "training"


class UnreadableLedger(TrainingError):
    """The file is not a sales ledger that canzhi can read."""

    code = "unreadable-ledger"


class TooFewSales(TrainingError):
    """There are too few usable sales to calibrate a band."""

    code = "too-few-sales"


class StoreError(CanzhiError):
    """The store of valuations and histories cannot fulfil the request."""

    code = "store"


class UnknownValuation(StoreError):
    """No valuation is stored under that id."""

    code = "unknown-valuation"


class UnknownPack(StoreError):
    """No history is stored under that battery code."""

    code = "unknown-pack"


class UnknownSale(StoreError):
    """No sale was reported under that id."""

    code = "unknown-sale"


class SaleClosed(StoreError):
    """The sale was withdrawn, or put right by another one, and cannot be changed any more."""

    code = "sale-closed"


class IdempotencyConflict(StoreError):
    """The idempotency key was already used for a different request."""

    code = "idempotency-conflict"


class StoreNotReady(StoreError):
    """The store is missing, has another schema revision, or cannot be reached."""

    code = "store-not-ready"


class SettingError(CanzhiError):
    """A setting, such as an environment variable, cannot be used."""

    code = "setting"
