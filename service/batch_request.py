"""A batch of valuations over HTTP: each item as if it had come alone, those on the same terms worked out together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from service.problems import Problem, problem_of
from service.reading import read_one, terms_of
from service.schemas import ValuationRequest, decode
from service.valuation_service import Answer, Terms, ValuationService
from valuation.errors import CanzhiError
from valuation.ingest import Traces, join_traces


class BatchItem(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What became of one item: its valuation, or the problem that prevented it."""

    valuation: msgspec.Raw | None = None
    problem: Problem | None = None


class BatchAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """One item for each that was sent, in the same order, and how many were valued and refused."""

    items: list[BatchItem]
    valued: int
    refused: int


def value_items(counter: ValuationService, items: Sequence[msgspec.Raw]) -> list[Answer | CanzhiError]:
    """Return for each item its answer or its error; nothing is kept yet."""
    results: dict[int, Answer | CanzhiError] = {}
    groups: dict[object, list[tuple[int, Traces, Terms]]] = {}
    for place, item in enumerate(items):
        try:
            asked = decode(ValuationRequest, bytes(item))
            terms = terms_of(asked)
            entry = (place, read_one(counter, asked), terms)
        except CanzhiError as error:
            results[place] = error
        else:
            groups.setdefault(terms.key, []).append(entry)
    for group in groups.values():
        answers = value_group(counter, [(traces, terms) for _, traces, terms in group])
        results |= zip((place for place, _, _ in group), answers, strict=True)
    return [results[place] for place in range(len(items))]


def value_group(counter: ValuationService, group: Sequence[tuple[Traces, Terms]]) -> list[Answer | CanzhiError]:
    """Return the answers of packs on the same terms; where the batch as a whole fails, each speaks for itself."""
    terms = group[0][1]
    try:
        return counter.value_many(join_traces([traces for traces, _ in group]), terms, door="http")
    except CanzhiError as error:
        if len(group) == 1:
            return [error]
    return [answer for entry in group for answer in value_group(counter, [entry])]


def spell_batch(results: Sequence[Answer | CanzhiError]) -> bytes:
    """Return the bytes that answer for a batch."""
    items = [
        BatchItem(problem=problem_of(one))
        if isinstance(one, CanzhiError)
        else BatchItem(valuation=msgspec.Raw(one.body))
        for one in results
    ]
    refused = sum(isinstance(one, CanzhiError) for one in results)
    return msgspec.json.encode(BatchAnswer(items=items, valued=len(items) - refused, refused=refused))
