"""Count the code of a checkout: lines, statements, modules per folder and `noqa` marks.

Message catalogues and data tables are counted apart. A module is one of them if at least half of its lines are in
literals with ten entries or more at its top level.

    .venv/bin/python tools/count_code.py [CHECKOUT]
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("valuation", "models", "training", "service")
OTHERS = ("tests", "benchmarks", "tools")
MOST_MODULES = 15
_MANY_ENTRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one module holds: its lines, its statements, and whether it is a catalogue or a table."""

    lines: int
    statements: int
    is_data: bool


def main(arguments: list[str]) -> int:
    """Print the figures of a checkout, by default of this one."""
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent).resolve()
    figures = {name: _figures(root, name) for name in (*PACKAGES, *OTHERS)}
    figures["product"] = tuple(sum(column) for column in zip(*(figures[name] for name in PACKAGES), strict=True))
    heads = ("modules", "lines", "statements", "lines of data", "statements of data")
    sys.stdout.write(" " * 12 + "".join(f"{head:>20}" for head in heads) + "\n")
    for name in (*PACKAGES, "product", *OTHERS):
        sys.stdout.write(f"{name:<12}" + "".join(f"{figure:>20,}" for figure in figures[name]) + "\n")
    folders = Counter(path.parent.relative_to(root).as_posix() for name in PACKAGES for path in modules_of(root, name))
    for folder, modules in folders.most_common():
        if modules > MOST_MODULES:
            sys.stdout.write(f"more than {MOST_MODULES} modules: {folder} has {modules}\n")
    marks = Counter(rule for name in (*PACKAGES, *OTHERS) for path in modules_of(root, name) for rule in _marks(path))
    sys.stdout.write("noqa: " + ", ".join(f"{rule} {count}" for rule, count in marks.most_common()) + "\n")
    return 0


def modules_of(root: Path, package: str) -> Iterator[Path]:
    """Yield the modules of a package."""
    yield from sorted(path for path in (root / package).rglob("*.py") if "__pycache__" not in path.parts)


def count(source: str) -> Count:
    r"""Return what a module holds; a docstring is no statement.

    >>> count('def one() -> int:\\n    "Return one."\\n    return 1\\n')
    Count(lines=3, statements=2, is_data=False)
    """
    tree = ast.parse(source)
    docstrings = sum(ast.get_docstring(node) is not None for node in ast.walk(tree) if isinstance(node, _DOCUMENTED))
    lines = source.count("\n")
    tables = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and _entries(node.value) > 0]
    in_tables = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in tables)
    return Count(
        lines=lines,
        statements=sum(isinstance(node, ast.stmt) for node in ast.walk(tree)) - docstrings,
        is_data=2 * in_tables >= lines > 0,
    )


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _entries(value: ast.expr | None) -> int:
    """Return the number of entries of a literal that is a table, 0 for other values."""
    if isinstance(value, ast.Call):  # such as MappingProxyType({…})
        return max((_entries(argument) for argument in value.args), default=0)
    size = len(value.keys) if isinstance(value, ast.Dict) else 0
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        size = len(value.elts)
    return size if size >= _MANY_ENTRIES else 0


def _figures(root: Path, package: str) -> tuple[int, ...]:
    counts = [count(path.read_text(encoding="utf-8")) for path in modules_of(root, package)]
    code, data = [one for one in counts if not one.is_data], [one for one in counts if one.is_data]
    return (
        len(counts),
        sum(one.lines for one in code),
        sum(one.statements for one in code),
        sum(one.lines for one in data),
        sum(one.statements for one in data),
    )


def _marks(path: Path) -> Iterator[str]:
    """Yield the rules that a module's `noqa` marks name."""
    for line in path.read_text(encoding="utf-8").splitlines():
        _, mark, rest = line.partition("# noqa: ")
        if mark:
            yield from rest.partition(" - ")[0].replace(",", " ").split()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
