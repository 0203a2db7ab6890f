from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from service import cli
from valuation.messages import Message

HEAVY = (
    *("numpy", "sqlalchemy", "fastapi", "starlette", "uvicorn"),
    *("rich", "pyarrow", "msgspec", "alembic", "lightgbm", "mlflow"),
)
EXTRAS = ("fastapi", "pyarrow", "alembic", "pandas", "sklearn", "lightgbm", "mlflow")


def _canzhi(*arguments: str, **surroundings: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from service.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=120, **surroundings)


@pytest.fixture(scope="module", autouse=True)
def _installed():
    assert cli.command_table(), "the package is not installed: ./canzhi test installs it"


def test_every_command_has_a_line_of_help_that_is_its_own():
    for name, point in cli.command_table().items():
        command = cli.load_command(name)
        assert command is not None, name
        assert cli.first_line(point), name
        assert (command.help or "").splitlines()[0] == cli.first_line(point)


def test_the_contract_s_commands_of_this_storey_are_there():
    assert {"value", "check", "code", "simulate", "train", "models", "reproduce", "serve", "run"} <= set(
        cli.command_table()
    )


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HEAVY),  # the list of commands imports none of them
        (["code", "--help"], (*EXTRAS, "sqlalchemy")),
        (["value", "--help"], EXTRAS),
        (["serve", "--help"], EXTRAS),
        (["train", "--help"], ("fastapi", "sqlalchemy", "lightgbm", "mlflow", "optuna", "matplotlib")),
    ],
)
def test_help_imports_nothing_heavy(arguments, unwanted):
    program = (
        "import sys\nfrom service.cli import run\n"
        f"code = run({arguments!r})\n"
        f"print([name for name in {unwanted!r} if name in sys.modules], code, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    assert done.stderr.decode().strip() == "[] 0"
    assert b"Usage: canzhi" in done.stdout


def test_help_is_quick():
    command = [sys.executable, "-c", "from service.cli import main; main()", "--help"]
    # processor seconds: the promise is for an idle machine, and a busy one makes only the waiting longer
    assert min(_processor_seconds(command) for _ in range(5)) < 0.3


def _processor_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["value"], ["value", "/no/such/file"], ["value", "--level", "2", "-"], ["serve", "--port", "x"]],
)
def test_wrong_usage_ends_with_two(arguments, capsys):
    assert cli.run(arguments) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert told.err


@pytest.mark.usefixtures("home")
def test_an_error_of_the_core_is_one_sentence_and_a_hint(capsys):
    assert cli.run(["reproduce", "no-such-id"]) == 1
    sentence, hint = capsys.readouterr().err.strip().splitlines()
    assert sentence.startswith("canzhi: no valuation is kept")
    assert hint.startswith("hint: ")


def test_a_fault_inside_is_a_sentence_and_a_file(home, monkeypatch, capsys):
    def explode(*_arguments, **_options):
        raise RuntimeError("inside\nsecond line")

    monkeypatch.setattr(cli.canzhi, "invoke", explode)
    assert cli.run(["value"]) == 1
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert "RuntimeError: inside)" in told
    assert "Traceback" in (home / "last-fault.txt").read_text("utf-8")


@pytest.mark.parametrize(("variable", "text"), [("CANZHI_PORT", "x"), ("CANZHI_DATABASE_URL", "nonsense")])
@pytest.mark.usefixtures("home")
def test_an_unusable_setting_is_a_sentence(monkeypatch, capsys, variable, text):
    monkeypatch.setenv(variable, text)
    assert cli.run(["reproduce", "x"]) == 1
    assert "hint:" in capsys.readouterr().err


def test_an_interruption_is_no_traceback(monkeypatch, capsys):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.canzhi, "invoke", interrupt)
    assert cli.run(["code", "x"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error():
    program = f"{sys.executable} -c 'from service.cli import main; main()' --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr == b""


def test_the_version_is_printed():
    done = _canzhi("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, b"canzhi")


@pytest.mark.usefixtures("home")
def test_a_package_that_is_not_installed_is_a_sentence(monkeypatch, capsys):
    def miss(*_arguments, **_options):
        raise ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")

    monkeypatch.setattr(cli.canzhi, "invoke", miss)
    assert cli.run(["train", "x"]) == 1
    told = capsys.readouterr().err
    assert "lightgbm" in told
    assert "canzhi[train]" in told


def test_a_warning_is_a_sentence_too():
    assert (
        cli._format_warning("MLflow was not told", RuntimeWarning, "retrain.py", 130) == "canzhi: MLflow was not told\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "没有命令 'nothing'"),
        (["value"], "缺少参数"),
        (["value", "a.json", "--nothing"], "没有选项 --nothing"),
        (["serve", "--port", "many"], "参数"),
        (["drift", "--traces", "."], "须同时给出"),
        (["reproduce", "unknown"], "提示："),
    ],
)
def test_a_wrong_usage_is_answered_in_the_language_of_the_terminal(arguments, words, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path))
    monkeypatch.setenv("CANZHI_LANG", "zh")
    assert cli.run(arguments) != 0
    told = capsys.readouterr().err
    assert words in told
    assert "Error" not in told
    monkeypatch.setenv("CANZHI_LANG", "en")
    assert cli.run(arguments) != 0
    assert words not in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--lang", "zh"], ["--lang=zh"], ["--language=zh"]])
def test_notices_are_in_the_language_of_the_option(option, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path))
    monkeypatch.setenv("CANZHI_LANG", "en")
    file = tmp_path / "not_there.json"
    file.write_text("[]", encoding="utf-8")
    assert cli.run(["value", str(file), *option]) == 1
    told = capsys.readouterr().err
    assert "当前行情为合成数据" in told
    assert not any(line.isascii() for line in told.splitlines())


def test_a_warning_is_in_the_language_of_the_terminal(monkeypatch):
    monkeypatch.setenv("CANZHI_LANG", "zh")
    warning = RuntimeWarning(Message("kernel.numpy_instead", reason="x"))
    assert cli._format_warning(warning, RuntimeWarning, "retrain.py", 130).startswith("canzhi: 改用 numpy")
