from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from service import cli
from service.store import ledger
from service.store.database import Database

AS_OF = "2026-11-20"


def without_id(answer: bytes | str) -> str:
    text = answer.decode() if isinstance(answer, bytes) else answer
    changed, count = re.subn(r'"valuation_id":"[0-9a-f-]{36}"', '"valuation_id":""', text.strip())
    assert count == 1
    return changed


def test_terminal_and_http_answer_with_the_same_bytes_but_for_the_id(client, pack, pack_file, capsys):
    assert cli.run(["value", str(pack_file), "--as-of", AS_OF, "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    answered = client.post("/v1/valuations", json={"trace": pack, "as_of": AS_OF}).content
    assert without_id(printed) == without_id(answered)


def test_a_valuation_of_the_command_line_is_stored_for_every_channel(client, pack_file, capsys):
    cli.run(["value", str(pack_file), "--json"])
    printed = capsys.readouterr().out.strip()
    kept = client.get(f"/v1/valuations/{json.loads(printed)['valuation_id']}")
    assert kept.text == printed


@pytest.mark.parametrize("terms", [[], ["--level", "0.8"], ["--as-of", "2025-06-30"], ["--region", "EU"]])
@pytest.mark.usefixtures("home")
def test_a_kept_valuation_is_reproduced_bit_for_bit(pack_file, capsys, terms):
    cli.run(["value", str(pack_file), "--json", *terms])
    kept = capsys.readouterr().out
    assert cli.run(["reproduce", json.loads(kept)["valuation_id"]]) == 0
    assert capsys.readouterr().out.startswith("bit-identical")
    assert cli.run(["reproduce", "--json", json.loads(kept)["valuation_id"]]) == 0
    assert capsys.readouterr().out == kept


@pytest.mark.usefixtures("home")
def test_a_record_that_was_odd_to_read_is_reproduced_with_its_cautions(tmp_path, capsys):
    odd = {"电池编码": "001PB0A0000001A680000123", "厂家备注": "x", "质量": "--", "额定能量": 52.5}
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(odd, ensure_ascii=False), "utf-8")
    code = cli.run(["value", str(path), "--json"])
    told = capsys.readouterr()
    assert code == 0, told.err
    answer = json.loads(told.out)
    assert {"I01", "I02"} & {caution["id"] for caution in answer["cautions"]}
    assert cli.run(["reproduce", answer["valuation_id"]]) == 0


def test_a_tampered_answer_is_not_reproduced(home, pack_file, capsys):
    cli.run(["value", str(pack_file), "--json"])
    answer = json.loads(capsys.readouterr().out)
    database = Database(f"sqlite:///{home / 'canzhi.sqlite'}")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE valuations SET answer = replace(answer, '\"CN\"', '\"XX\"')")
        assert ledger.count(connection, "valuation") == 1
    database.close()
    assert cli.run(["reproduce", answer["valuation_id"]]) == 1
    assert "region" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_json_output_has_one_line_per_pack_with_problems(tmp_path, pack, capsys):
    gone = {"battery_code": "T02PB22002368HB6J0012715", "events": [{"type": "recycled_done", "on": "2025-01-01"}]}
    path = tmp_path / "packs.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (pack, gone, {"events": 3})), "utf-8")
    assert cli.run(["value", str(path), "--as-of", AS_OF, "--json"]) == 1
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert lines[0]["battery_code"] == pack["battery_code"]
    assert lines[1]["problem"]["code"] == "refused-pack"
    assert told.err.count("hint:") == 2, "the refused and the unreadable one"


@pytest.mark.parametrize(("language", "word"), [("en", "residual value"), ("zh", "残值")])
@pytest.mark.usefixtures("home")
def test_people_see_a_table_in_their_language(pack_file, capsys, language, word):
    assert cli.run(["value", str(pack_file), "--lang", language]) == 0
    told = capsys.readouterr()
    assert word in told.out
    assert {"en": "the quotes are synthetic", "zh": "当前行情为合成数据"}[language] in told.err
    assert "2026-11-20" in told.err, "how old the synthetic quotes are is said"


@pytest.mark.usefixtures("home")
def test_own_quotes_are_used(tmp_path, pack_file, capsys):
    quotes = tmp_path / "quotes.csv"
    quotes.write_text(
        "quoted_on,instrument,price,unit,vat_included,region,source\n"
        "2026-11-01,lithium_carbonate,150000,CNY/t,true,CN,exchange\n"
        "2026-11-01,copper,108000,CNY/t,true,CN,exchange\n"
        "2026-11-01,aluminium,24000,CNY/t,true,CN,exchange\n"
        "2026-11-01,new_pack_lfp,450,CNY/kWh,true,CN,exchange\n",
        "utf-8",
    )
    assert cli.run(["value", str(pack_file), "--market", str(quotes), "--as-of", AS_OF, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["market"]["synthetic"] is False
    assert "synthetic" not in told.err


BAD_FILES = {
    "empty.json": b"",
    "broken.json": b'{"battery_code": ',
    "number.json": b"7",
    "text.json": b'"pack"',
    "noise.bin": bytes(range(256)) * 20,
    "zip.zip": b"PK\x03\x04" + b"\x00" * 100,
    "nul.json": b'{"battery_code": "\x00"}',
    "deep.json": b"[" * 50_000 + b"]" * 50_000,
    "wrong.json": b'{"battery_code": "X", "rated_energy_kwh": "much"}',
    "false.json": b'{"chemistry": "LFP", "events": [{"type": "usage", "on": "2024-01-01", "soh": false}]}',
    "huge.json": b'{"battery_code": "001PB0A0000001A680000123", "rated_energy_kwh": 1e999}',
    "headers.csv": b"a,b,c\n1,2,3\n",
    "utf16.json": '{"chemistry": "unobtainium"}'.encode("utf-16"),
}


@pytest.mark.parametrize("command", ["value", "check"])
@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.usefixtures("home")
def test_a_bad_file_is_a_sentence_and_a_hint(tmp_path, capsys, command, name):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    assert cli.run([command, str(path)]) == 1
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert "something inside failed" not in told.err
    assert "hint: " in told.err


@pytest.mark.usefixtures("home")
def test_check_prints_findings_and_exits_with_one_if_any_blocks(tmp_path, pack, capsys):
    path = tmp_path / "pack.json"
    path.write_text(json.dumps(pack), "utf-8")
    assert cli.run(["check", str(path), "--as-of", AS_OF]) == 0
    assert pack["battery_code"] in capsys.readouterr().out
    pack["events"].append({"type": "recycled_done", "on": "2025-01-01"})
    path.write_text(json.dumps(pack), "utf-8")
    assert cli.run(["check", str(path), "--as-of", AS_OF, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["refused"] is True
    assert any(caution["severity"] == "block" for caution in answer["cautions"])


def test_check_and_http_find_the_same(client, pack, pack_file, capsys):
    cli.run(["check", str(pack_file), "--as-of", AS_OF, "--json"])
    answered = client.post("/v1/checks", json={"trace": pack, "as_of": AS_OF})
    assert capsys.readouterr().out.strip() == answered.text


def test_code_command_and_http_give_the_same_answer(client, capsys):
    cli.run(["code", "04QCB76836300JBC40000903", "--json"])
    assert capsys.readouterr().out.strip() == client.get("/v1/codes/04QCB76836300JBC40000903").text


@pytest.mark.usefixtures("home")
def test_a_chinese_reader_gets_names_and_not_the_codes_names(tmp_path, pack, capsys):
    burned = pack | {
        "events": [*pack.get("events", []), {"type": "retired", "on": "2026-06-01", "condition": "burned"}]
    }
    path = tmp_path / "burned.json"
    path.write_text(json.dumps(burned), "utf-8")
    assert cli.run(["value", str(path), "--as-of", AS_OF, "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    for name in ("module_list", "capacity_test", "second_life", "ageing_prior", "band ", "trust grade", "│ info"):
        assert name not in told
    assert "仅可再生利用" in told, "why a route is closed is said, not only by which rule"


@pytest.mark.usefixtures("home")
def test_refusals_are_printed_in_chinese_if_translated(tmp_path, capsys):
    path = tmp_path / "plate.json"
    path.write_text('{"chemistry": "LFP"}', "utf-8")
    for command in ("value", "check"):
        assert cli.run([command, str(path), "--lang", "zh"]) == 1
        assert "缺少电池编码" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_thousand_refusals_are_not_read_out(tmp_path, capsys):
    path = tmp_path / "quotes.csv"
    path.write_text("quoted_on,instrument,price,unit,region\n" + "2026-11-20,copper,80000,CNY/t,CN\n" * 1000, "utf-8")
    assert cli.run(["value", str(path)]) == 1
    told = capsys.readouterr().err
    assert told.count("hint:") <= 20
    assert "and 980 more" in told


NOT_NEEDED = ("pandas", "lightgbm", "sklearn", "scipy", "mlflow", "fastapi", "pydantic", "uvicorn", "jinja2", "alembic")
VALUE_AND_PRINT = f"""
import sys
from service import cli
code = cli.run(["value", sys.argv[1], "--as-of", "{AS_OF}", "--json"])
print("imported:", *(name for name in {NOT_NEEDED!r} if name in sys.modules), file=sys.stderr)
raise SystemExit(code)
"""


def cold(home, *command):
    """Return standard error and CPU time of a new process. [s]"""
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *command], env=surroundings, capture_output=True, check=True, cwd=home.parent
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stderr.decode(), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_value_in_a_new_process_imports_only_what_it_needs(settings, pack_file):
    cold(settings.home, "-c", VALUE_AND_PRINT, str(pack_file))  # the first makes the store
    said, _ = cold(settings.home, "-c", VALUE_AND_PRINT, str(pack_file))
    assert said.splitlines()[-1].split() == ["imported:"]


@pytest.mark.slow
def test_a_value_in_a_fresh_process_takes_less_than_a_second(settings, pack_file):
    program = str(Path(sys.executable).with_name("canzhi"))
    command = (program, "value", str(pack_file), "--as-of", AS_OF, "--json")
    yardstick = ("-c", "import numpy, pyarrow, sqlalchemy, msgspec, rich.console")
    taken = [(cold(settings.home, *command)[1], cold(settings.home, *yardstick)[1]) for _ in range(6)]
    # CPU, not wall clock: what a busy machine does meanwhile is not ours. Two programs on one core slow each other's
    # CPU too, so where its libraries alone take half a second a value may take twice as long as they.
    assert min(own for own, _ in taken[1:]) < max(1.0, 2.0 * min(theirs for _, theirs in taken[1:]))
