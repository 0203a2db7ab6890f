"""List identifiers that contain a word of the former vocabulary, one `path name` per line.

`tests/contract/test_words.py` allows only the pairs in `tests/contract/former_words.txt`. After names were replaced:
`tools/identifiers.py > tests/contract/former_words.txt`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("valuation", "models", "training", "service", "tools", "benchmarks")
FORMER_WORDS = {
    "confess", "contest", "contestant", "contestants", "contests", "crowd", "daring", "door", "doors", "habit",
    "habits", "heard", "hearing", "heeded", "keenness", "lent", "misread", "mishap", "mishaps", "parcel", "parcels",
    "plainly", "porch", "ruling", "rulings", "sisters", "sought", "strange", "stranger", "strangers", "tariff",
    "tariffs", "tell", "tells", "told", "untold", "verdict", "verdicts", "workshop",
}  # fmt: skip
"""Words that an engineer of the field would not search for; the glossary has the standard terms."""


def words_of(identifier: str) -> list[str]:
    """Return the words of an identifier, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)]


def defined_names(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module defines: classes, functions, parameters, variables, attributes, import aliases."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(asname=str(name)):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case _:
                pass


def former_names(path: Path) -> set[str]:
    """Return the names of a module, with its own path, that contain a former word."""
    relative = path.relative_to(ROOT).with_suffix("")
    names = {*defined_names(ast.parse(path.read_text("utf-8"))), *relative.parts}
    return {name for name in names if FORMER_WORDS.intersection(words_of(name))}


def find_former_names() -> list[str]:
    """Return `path name` of every identifier that contains a former word, in order."""
    modules = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted(f"{path.relative_to(ROOT)} {name}" for path in modules for name in former_names(path))


if __name__ == "__main__":
    sys.stdout.write("".join(f"{pair}\n" for pair in find_former_names()))
