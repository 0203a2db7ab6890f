"""The drawing of the error tree is the tree."""

import inspect
import re

from valuation import errors


def classes():
    return {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == "valuation.errors"
    }


def drawn():
    parents, tree = [], {}
    for line in errors.__doc__.splitlines():
        match = re.fullmatch(r"([│ ├└─]*)([A-Z]\w+)", line)
        if match:
            depth = len(match[1]) // 4
            parents[depth:] = [match[2]]
            tree[match[2]] = parents[depth - 1] if depth else "Exception"
    return tree


def test_the_drawing_shows_every_error_under_its_parent():
    assert drawn() == {name: kind.__bases__[0].__name__ for name, kind in classes().items()}


def test_every_error_has_a_code_of_its_own_and_a_sentence():
    codes = [kind.code for kind in classes().values()]
    assert len(set(codes)) == len(codes)
    assert all(kind.__doc__ and kind.__doc__.splitlines()[0].endswith(".") for kind in classes().values())


def test_an_error_has_a_hint():
    error = errors.FieldError("soh is 88, above 1.2", hint="give 0.88", field="soh", value=88)
    assert (str(error), error.hint, error.field, error.value) == ("soh is 88, above 1.2", "give 0.88", "soh", 88)
