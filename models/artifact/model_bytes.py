"""A trained model as bytes, for processes without access to the registry (模型字节)."""

from __future__ import annotations

import hashlib
import json

from models.artifact.bundle import Bundle, read_about
from models.artifact.predictor import Predictor
from models.artifact.serialization import canonical, dump_state, load_state
from models.inference.fitted_model import FittedRegressor
from valuation.errors import BundleTampered


def to_bytes(model: Predictor) -> bytes:
    """Return a model as bytes: a header line with metadata and the hash of the rest, then the state.

    Signature and file hashes were verified when the model was read; the bytes are passed between processes of one job.
    """
    document, arrays = dump_state(model.state)
    head = {
        "about": model.about.document(),
        "digest": model.digest,
        "signed_by": model.signed_by,
        "week_move": model.week_move,
        "document_bytes": len(document),
        "sha256": hashlib.sha256(document + arrays).hexdigest(),
    }
    return canonical(head) + b"\n" + document + arrays


def from_bytes(source: bytes) -> Predictor:
    """Return the model in bytes that :func:`to_bytes` wrote.

    Raises
    ------
    BundleTampered
        If the bytes are not complete.
    """
    line, _, content = source.partition(b"\n")
    try:
        head = json.loads(line)
    except ValueError as error:
        raise BundleTampered("model.damaged_in_transfer") from error
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise BundleTampered("model.damaged_in_transfer")
    split = head["document_bytes"]
    state = load_state(FittedRegressor, content[:split], content[split:])
    about = read_about(head["about"])
    bundle = Bundle(state=state, about=about, digest=head["digest"], signed_by=head["signed_by"])
    return Predictor(bundle, head["week_move"])
