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
│   └── UnknownModel
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

from valuation.messages import Language, Message, shown_value


class CanzhiError(Exception):
    """A request that cannot be fulfilled; the message names the cause, the hint the next step.

    Parameters
    ----------
    message_id
        The id of the sentence in the catalogue of messages (:mod:`valuation.messages`).
    hint
        The id of the hint, or the hint with parameters of its own; by default the hint of the message.
    field, value
        What was refused; the sentences show the value truncated.
    parameters
        The other parameters of both sentences.

    >>> error = FieldError("record.above_highest", field="soh", value=1.7, bound=1.2, hint="record.give_true_value")
    >>> (error.code, error.message_id, error.field, str(error))
    ('field', 'record.above_highest', 'soh', 'soh is 1.7, above the highest possible 1.2')
    >>> error.in_language("zh")
    ('健康状态 soh 为 1.7，超过可能的最大值 1.2', '请填写真实值；未知则不填')
    """

    code = "canzhi"

    def __init__(
        self,
        message_id: str,
        *,
        hint: str | Message | None = None,
        field: str | None = None,
        value: object = None,
        **parameters: object,
    ) -> None:
        parameters |= {"field": field, "value": shown_value(value)}
        self.text = Message(message_id, **parameters)
        if hint is None:
            hint = f"{message_id}.hint"
        self.hint_text = hint if isinstance(hint, Message) else Message(hint, **parameters)
        self.field = field
        self.value = value
        super().__init__(str(self.text))

    @property
    def message_id(self) -> str:
        """The id of the message, for programs."""
        return self.text.id

    @property
    def message(self) -> str:
        """The cause in English."""
        return str(self.text)

    @property
    def hint(self) -> str:
        """The next step in English."""
        return str(self.hint_text)

    def in_language(self, language: Language) -> tuple[str, str]:
        """Return the cause and the next step in a language."""
        return (self.text.in_language(language), self.hint_text.in_language(language))

    def __reduce__(self) -> tuple[object, ...]:
        """Return how the error is made again in another process."""
        return _restored, (type(self), self.__dict__)


def _restored(kind: type[CanzhiError], state: dict[str, object]) -> CanzhiError:
    error = kind.__new__(kind, str(state["text"]))
    error.__dict__.update(state)
    return error


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
