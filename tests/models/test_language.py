import pytest

from models.language import VARIABLES, answering_in, command_language, terminal_language


@pytest.fixture
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_variables_the_terminal_is_english(environment):
    assert terminal_language() == command_language() == "en"


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_names_the_language(environment, name):
    environment.setenv(name, "zh_CN.UTF-8")
    assert terminal_language() == "zh"


def test_the_first_variable_that_is_set_decides(environment):
    environment.setenv("LANG", "zh_CN.UTF-8")
    environment.setenv("LC_ALL", "C.UTF-8")
    assert terminal_language() == "en"
    environment.setenv("CANZHI_LANG", "zh")
    assert terminal_language() == "zh"
    environment.setenv("CANZHI_LANG", "")
    assert terminal_language() == "en"


def test_the_language_of_a_command_lasts_as_long_as_the_command(environment):
    environment.setenv("CANZHI_LANG", "en")
    with answering_in("zh"):
        assert command_language() == "zh"
        assert terminal_language() == "en"
    assert command_language() == "en"
