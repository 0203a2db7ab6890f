"""Asset Administration Shells (资产管理壳) as plain documents: environments in JSON or XML, and AASX packages.

Each shell becomes one document in the value-only form: the elements of its submodels by their short names. A submodel
of which nothing is read stays under its own name, so that it is named among what is not used.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree as ET

import msgspec

from valuation.errors import UnreadableRecord

_NUMBER_TYPES: Final = re.compile(
    r"(xs:)?(double|float|decimal|integer|int|long|short|byte|(non)?(positive|negative)integer|unsigned\w+)"
)
_DECIMAL: Final = re.compile(r"[+-]?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d{1,3})?")
_COUNTED: Final = re.compile(r"(.+?)_{0,2}\d{2}_{0,2}$")
_MOST_BYTES: Final = 64_000_000
"""Largest size of an unpacked file of a package. [byte]"""


def is_environment(content: Mapping[str, object]) -> bool:
    """Return whether an object is an environment of shells and submodels, or one submodel."""
    submodels = content.get("submodels")
    whole = isinstance(submodels, list) and any(isinstance(one, Mapping) and _elements(one) for one in submodels)
    return whole or (_kind(content) == "submodel" and isinstance(content.get("submodelElements"), list))


def documents_of(environment: Mapping[str, object]) -> list[dict[str, object]]:
    """Return one document per shell of an environment; submodels without a shell belong to a single shell.

    >>> documents_of({"modelType": "Submodel", "submodelElements": [
    ...     {"idShort": "SerialNumber", "modelType": "Property", "value": "S1"}]})
    [{'SerialNumber': 'S1'}]
    """
    listed = environment.get("submodels")
    submodels = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else [environment]
    shells = environment.get("assetAdministrationShells")
    named = [_references(shell) for shell in shells] if isinstance(shells, list) else []
    if len(named) <= 1:
        return [_merged(submodels)]
    groups = [[one for one in submodels if one.get("id") in names] for names in named]
    return [_merged(group) for group in groups if group]


def documents_of_xml(content: bytes, name: str) -> list[dict[str, object]]:
    """Return the documents of an environment in XML.

    Raises
    ------
    UnreadableRecord
        When it is not well-formed, or declares entities.
    """
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnreadableRecord("file.declares_document_type", name=name)
    try:
        root = ET.fromstring(content)  # noqa: S314 - entities were refused above
    except ET.ParseError as error:
        raise UnreadableRecord("file.not_xml", name=name, reason=str(error)) from error
    return documents_of({"submodels": [_from_xml(one) for one in root.iter() if _tag(one) == "submodel"]})


def documents_of_package(content: bytes, name: str) -> list[dict[str, object]] | None:
    """Return the documents in an AASX package, None if the archive is not a package.

    Raises
    ------
    UnreadableRecord
        When the package is damaged, too large, or contains no submodel.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = [part for part in package.infolist() if part.filename.startswith("aasx/")]
            if not parts:
                return None
            found: list[dict[str, object]] = []
            for part in parts:
                if not part.filename.lower().endswith((".xml", ".json")) or part.filename.endswith(".rels"):
                    continue
                if part.file_size > _MOST_BYTES:
                    raise UnreadableRecord("file.part_too_large", name=f"{name}/{part.filename}")
                found += _part(package.read(part), f"{name}/{part.filename}")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableRecord("file.damaged_package", name=name, reason=str(error)) from error
    if not found:
        raise UnreadableRecord("file.no_submodel", name=name)
    return found


def _part(content: bytes, name: str) -> list[dict[str, object]]:
    """Return the documents in one file of a package."""
    if content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
        return [one for one in documents_of_xml(content, name) if one]
    try:
        environment = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRecord("file.not_json", name=name, reason=str(error)[:120]) from error
    return documents_of(environment) if isinstance(environment, Mapping) and is_environment(environment) else []


def _merged(submodels: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return the elements of submodels as one document; repeated elements stay under their submodel's name."""
    document: dict[str, object] = {}
    for submodel in submodels:
        elements = _collection(_elements(submodel))
        repeated = {name: value for name, value in elements.items() if name in document}
        document |= {name: value for name, value in elements.items() if name not in document}
        if repeated:
            document.setdefault(str(submodel.get("idShort") or "submodel"), repeated)
    return document


def _references(shell: object) -> set[object]:
    """Return the identifiers of the submodels of a shell."""
    references = shell.get("submodels") if isinstance(shell, Mapping) else None
    keys = [one.get("keys") for one in references if isinstance(one, Mapping)] if isinstance(references, list) else []
    return {key.get("value") for some in keys if isinstance(some, list) for key in some if isinstance(key, Mapping)}


def _elements(submodel: Mapping[str, object]) -> object:
    return submodel.get("submodelElements") or submodel.get("statements")


def _kind(element: Mapping[str, object]) -> str:
    """Return the kind of an element, as a text in version 3 and an object in version 2."""
    kind = element.get("modelType")
    return str(kind.get("name") if isinstance(kind, Mapping) else kind).casefold()


def _collection(elements: object) -> dict[str, object]:
    """Return elements by their short names; numbered names, such as Material__00__, become a list."""
    found: dict[str, object] = {}
    for element in elements if isinstance(elements, list) else []:
        if not isinstance(element, Mapping):
            continue
        name, value = str(element.get("idShort") or "unnamed"), _value(element)
        counted = _COUNTED.fullmatch(name)
        if counted:
            several = found.setdefault(counted[1], [])
            if isinstance(several, list):
                several.append(value)
                continue
        found[name] = value
    return found


def _value(element: Mapping[str, object]) -> object:
    """Return an element in the value-only form."""
    kind, value = _kind(element), element.get("value")
    if kind == "submodelelementcollection":
        return _collection(value)
    if kind == "entity":
        return _collection(_elements(element))
    if kind == "submodelelementlist" and isinstance(value, list):
        return [_value(one) for one in value if isinstance(one, Mapping)]
    if kind == "multilanguageproperty" and isinstance(value, list):
        return {str(one.get("language")): one.get("text") for one in value if isinstance(one, Mapping)}
    typed = _NUMBER_TYPES.fullmatch(str(element.get("valueType", "")).casefold())
    return float(value) if typed and isinstance(value, str) and _DECIMAL.fullmatch(value.strip()) else value


def _tag(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def _from_xml(node: ET.Element) -> dict[str, object]:
    """Return an XML element in the form of the JSON environment."""
    parts = {_tag(child): child for child in node}
    made: dict[str, object] = {"modelType": _tag(node)}
    for name in ("idShort", "id", "valueType"):
        if name in parts:
            made[name] = (parts[name].text or "").strip()
    for name in ("submodelElements", "statements", "value"):
        if name in parts:
            made[name] = _children(parts[name])
    return made


def _children(node: ET.Element) -> object:
    """Return the content of a value: a text, texts by language, or elements."""
    children = [inner for child in node for inner in (list(child) if _tag(child) == "submodelElement" else [child])]
    if not children:
        return (node.text or "").strip()
    if all(_tag(child).startswith("langString") for child in children):
        return [{_tag(part): (part.text or "").strip() for part in child} for child in children]
    return [_from_xml(child) for child in children]
