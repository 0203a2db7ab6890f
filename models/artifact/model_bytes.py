"""A trained model as bytes, for a process on this or another machine that has no folder of models (模型包裹)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from models.artifact.bundle import About, Bundle
from models.artifact.predictor import Predictor
from models.artifact.serialization import canonical, dump_state, load_state
from models.inference.fitted_model import FittedRegressor
from valuation.errors import BundleTampered


def to_bytes(model: Predictor) -> bytes:
    """Return a model as bytes: a line that says what it is and holds the hash of the rest, then its state.

    Signature and file hashes were checked when the model was read; the parcel goes between processes of one job.
    """
    document, arrays = dump_state(model.state)
    head = {
        "about": asdict(model.about),
        "digest": model.digest,
        "signed_by": model.signed_by,
        "week_move": model.week_move,
        "document_bytes": len(document),
        "sha256": hashlib.sha256(document + arrays).hexdigest(),
    }
    return canonical(head) + b"\n" + document + arrays


def from_bytes(parcel: bytes) -> Predictor:
    """Return the model in a parcel.

    Raises
    ------
    BundleTampered
        If the parcel is not whole.
    """
    line, _, content = parcel.partition(b"\n")
    try:
        head = json.loads(line)
    except ValueError as error:
        raise BundleTampered("the model was damaged on its way", hint="start the job again") from error
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise BundleTampered("the model was damaged on its way", hint="start the job again")
    split = head["document_bytes"]
    state = load_state(FittedRegressor, content[:split], content[split:])
    about = About(**head["about"])
    bundle = Bundle(state=state, about=about, digest=head["digest"], signed_by=head["signed_by"])
    return Predictor(bundle, head["week_move"])
