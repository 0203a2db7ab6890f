"""The drawing of the error tree equals the classes."""

import inspect
import pickle
import re

import pytest

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


def an_error():
    return errors.FieldError(
        "record.above_highest", hint="record.give_as_fraction", field="soh", value=88, bound=1.2, number="0.88"
    )


def test_an_error_has_a_hint():
    error = an_error()
    assert (str(error), error.message_id) == ("soh is 88, above the highest possible 1.2", "record.above_highest")
    assert (error.hint, error.field, error.value) == ("give a fraction, 0.88", "soh", 88)


def test_an_error_has_a_chinese_message():
    assert an_error().in_language("zh") == ("健康状态 soh 为 88，超过可能的最大值 1.2", "请填写小数 0.88")
    assert an_error().in_language("en") == (an_error().message, an_error().hint)


def test_an_error_passes_between_processes_in_both_languages():
    sent = pickle.loads(pickle.dumps(an_error()))  # noqa: S301 - our own bytes
    assert (type(sent), sent.code, sent.value, str(sent)) == (errors.FieldError, "field", 88, str(an_error()))
    assert sent.in_language("zh") == an_error().in_language("zh")


def test_an_error_without_a_sentence_is_a_fault():
    with pytest.raises(KeyError, match="no_such_sentence"):
        errors.FieldError("record.no_such_sentence")
    with pytest.raises(KeyError, match="bound"):
        errors.FieldError("record.above_highest", hint="record.give_true_value", field="soh", value=88)
