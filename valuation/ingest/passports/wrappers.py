"""Passports inside other documents: credentials, JSON-LD, wrappers of data-space applications, shells."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from valuation.ingest.passports.aas import documents_of, is_environment

_MOST_LEVELS: Final = 12
_PREFIX: Final = re.compile(r"^(?:[A-Za-z][\w.\-]*:)(?!\s).*?([^:#/]+)$")
_LINKED: Final = frozenset({"@context", "@id", "@type", "@graph"})

SIGNED: Final = "JWT payload"
"""A step in the place of a passport that was found in a signed token, whose signature is not verified."""
_TOKEN: Final = re.compile(
    r"\s*(?:data:[\w.+/\-]+(?:;[\w=\-]+)*,)?ey[\w\-]+\.(?P<payload>ey[\w\-]+)\.[\w\-]*(?:~[\w\-~.]*)?\s*", re.ASCII
)
"""A JSON Web Token in its compact form (RFC 7519), also enveloped as a data URL or with disclosures (SD-JWT)."""

Family = Callable[[Mapping[str, object]], str | None]


def documents_in(
    content: Mapping[str, object], family: Family, is_strong: Family
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the passport documents in an object with their places; the place of the object itself is empty.

    Parameters
    ----------
    content
        A decoded object: a passport, or a wrapper of passports.
    family
        Returns the family of an object, None if it is not a passport.
    is_strong
        The same by names that occur only in passports; other objects may also be wrappers.
    """
    yield from _search(_plain(content, linked=_is_linked(content)), family, is_strong, "", 0)


def _search(
    value: object, family: Family, is_strong: Family, path: str, level: int
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the passports in a value; a passport inside another one belongs to it."""
    if isinstance(value, list):
        for index, item in enumerate(value) if level < _MOST_LEVELS else ():
            yield from _search(item, family, is_strong, f"{path}[{index}]", level + 1)
        return
    if isinstance(value, str) and is_token(value):
        value, path = _unpacked(_payload_of(value)), f"{path}.{SIGNED}" if path else SIGNED
    elif isinstance(value, str) and value.lstrip()[:1] == "{":
        value = _unpacked(value)
    if not isinstance(value, dict):
        return
    if is_environment(value):
        yield from (("", document) for document in documents_of(value))
        return
    if is_strong(value) is not None:
        yield path, value
        return
    inside = [
        found
        for name, item in (value.items() if level < _MOST_LEVELS else ())
        for found in _search(item, family, is_strong, f"{path}.{name}" if path else str(name), level + 1)
    ]
    own = family(value)
    if own is not None and (not inside or own in {family(document) for _, document in inside}):
        yield path, {name: item for name, item in value.items() if not inside or not isinstance(item, dict | list)}
    yield from inside


def is_token(text: str) -> bool:
    """Return whether a text is a signed token with a JSON payload.

    >>> is_token("eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln"), is_token("eyes.on.you")
    (True, False)
    """
    return _TOKEN.fullmatch(text) is not None


def _payload_of(token: str) -> str:
    """Return the payload of a token; its signature is not verified."""
    match = _TOKEN.fullmatch(token)
    encoded = "" if match is None else match["payload"]
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _unpacked(text: str) -> object:
    """Return the JSON embedded in a text by some applications; None if the text is not JSON."""
    try:
        content = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    return _plain(content, linked=_is_linked(content))


def _is_linked(value: object, level: int = 0) -> bool:
    """Return whether an object is JSON-LD: it has a context, or prefixed names."""
    if level > _MOST_LEVELS:
        return False
    if isinstance(value, list):
        return any(_is_linked(item, level + 1) for item in value)
    if not isinstance(value, Mapping):
        return False
    if not _LINKED.isdisjoint(value) or "@value" in value:
        return True
    return any(_is_linked(item, level + 1) for item in value.values())


def _plain(value: object, *, linked: bool, level: int = 0) -> object:
    """Return a value without the wrapping of JSON-LD and generated models.

    >>> _plain({"bp:batteryMass": {"@value": 400}, "predecessor": {"left": "x"}}, linked=True)
    {'batteryMass': 400, 'predecessor': 'x'}
    """
    if level > 3 * _MOST_LEVELS:
        return value
    if isinstance(value, list):
        items = [_plain(item, linked=linked, level=level + 1) for item in value]
        return items[0] if linked and len(items) == 1 else items
    if not isinstance(value, Mapping):
        return value
    if "@value" in value:
        return value["@value"]
    only = next(iter(value)) if len(value) == 1 else None
    if only in ("left", "right", "@list", "@set"):
        return _plain(value[only], linked=linked, level=level + 1)
    plain: dict[str, object] = {}
    for name, item in value.items():
        spelled = str(name)
        match = _PREFIX.fullmatch(spelled) if linked else None
        plain.setdefault(match[1] if match else spelled, _plain(item, linked=linked, level=level + 1))
    return plain
