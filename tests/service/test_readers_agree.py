"""Every reader gives the same answer: the typed decoder, the lenient reader, a single request and a batch.

The bodies are random JSON texts with repeated and escaped names, unusual numbers, Chinese field names, blanks and
invalid bytes, which no encoder writes.
"""

from __future__ import annotations

import asyncio
import json
import random
from datetime import date

import pytest

from service.api.endpoints.batches import value_items
from service.api.micro_batching import MicroBatcher, PendingRequest
from service.api.problems import problem_of
from service.api.request_decoding import read_valuation
from service.reproduction import reproduce_valuation
from service.store import valuations
from valuation.errors import CanzhiError
from valuation.ingest import read_traces
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPE_FIELDS,
    EVENT_TYPES,
    PACK_FIELDS,
    REQUIRED_EVENT_FIELDS,
    event_field,
)

PATH = "/v1/valuations"
HEAD = {"content-type": "application/json"}
CHINESE = {"chemistry": "电池类型", "events": "事件", "soh": "健康度", "type": "类型", "on": "日期"}
ODD_NUMBERS = ["-0", "-0.0", "1e-400", "1E+2", "9007199254740993", "18446744073709551617", '"0.8"', "true", "null",
               "-1", '"-"', "1e999", "[]", "{}", "NaN", "9" * 5000]  # fmt: skip
ODD_DAYS = ["2024-02-30", "2024-3-1", "", "2023-01-01T10:00:00+08:00", "1850-01-01", "2099-12-31"]
TEXTS = ["某厂", "a:b", '":x', ":", "  z", " -", "/", "😀", "\\", 'q"q', "\ufeffx", "a\u2028b", "\x00", "x" * 1001]
STRAY = [b"", b"\\", b'"', b",", b"}", b"\xff", b"\x00", b"e", b"-", b"1", b":", b"\n", b"\\ud800"]
ODD_CODES = ["x", "", "001pb0a0000001a680000123", "001PB0A0000001A68000012", "001PB0A0000001A680000123 "]


class Scribe:
    """Writes requests in unusual but valid JSON, reproducible by seed."""

    def __init__(self, seed):
        self.chance = random.Random(seed)  # noqa: S311 - the same requests for the same seed
        self.chinese = self.blanks = self.escapes = False

    def often(self, share):
        return self.chance.random() < share

    def text(self, said):
        letters = [
            f"\\u{ord(letter):04x}"
            if ord(letter) < 32 or (self.escapes and self.often(0.02) and ord(letter) < 0xD800)
            else "\\" + letter
            if letter in '"\\'
            else letter
            for letter in said
        ]
        return '"' + "".join(letters) + '"'

    def number(self, field):
        low, high = max(field.low, -50.0), min(field.high, 1e5)
        value = self.chance.uniform(low, min(high, low + self.chance.choice([1.0, 100.0, 1e5])))
        spelled = [repr(value), str(round(value, 2)), str(int(value)), f"{value:E}", repr(low)]
        return self.chance.choice(ODD_NUMBERS if self.often(0.02) else spelled)

    def value(self, field):
        if field.kind == "number":
            return self.number(field)
        if field.kind == "category":
            return self.text(self.chance.choice(field.choices) if self.often(0.98) else "磷酸铁锂")
        if field.kind == "day":
            day = date(2015, 1, 1).toordinal() + self.chance.randrange(4500)
            return self.text(str(date.fromordinal(day)) if self.often(0.98) else self.chance.choice(ODD_DAYS))
        return self.text(self.chance.choice(TEXTS) if self.often(0.2) else f"maker {self.chance.randrange(9)}")

    def object(self, pairs):
        if self.often(0.3):
            self.chance.shuffle(pairs)
        if self.often(0.04):
            name, value = self.chance.choice(pairs)
            pairs.insert(self.chance.randrange(len(pairs) + 1), (name, self.chance.choice([value, "null"])))
        blank = self.chance.choice(["", " ", "\n", " \t\n "]) if self.blanks else ""
        told = (f"{self.text(self.name(name))}{blank}:{blank}{value}" for name, value in pairs)
        return "{" + blank + f",{blank}".join(told) + blank + "}"

    def name(self, name):
        return CHINESE.get(name, name) if self.chinese and self.often(0.5) else name

    def event(self):
        kind = self.chance.choice(EVENT_TYPES)
        pairs = [("type", self.text(kind)), ("on", self.value(event_field("on")))]
        pairs += [
            (field.name, self.value(field))
            for field in (*EVENT_COMMON_FIELDS, *EVENT_TYPE_FIELDS[kind])
            if field.name != "on" and (self.often(0.4) or REQUIRED_EVENT_FIELDS.get(kind) == field.name)
        ]
        if self.often(0.05):
            field = self.chance.choice([one for one in EVENT_FIELDS if one.name not in dict(pairs)])
            pairs.append((field.name, self.value(field)))
        return self.object(pairs)

    def trace(self):
        code = f"001PB0A0000001A68{self.chance.randrange(10**7):07d}"
        pairs = [("battery_code", self.text(code if self.often(0.95) else self.chance.choice(ODD_CODES)))]
        pairs += [("chemistry", '"LFP"'), ("rated_energy_kwh", "52.5")]
        pairs += [
            (field.name, self.value(field))
            for field in PACK_FIELDS
            if field.name not in dict(pairs) and self.often(0.1)
        ]
        if self.often(0.1):
            pairs.append(("composition", self.object([(one.name, self.value(one)) for one in COMPOSITION_FIELDS])))
        if self.often(0.1):
            pairs.append(("modules", f"[\n{self.object([('battery_code', self.text(code))])}\n]"))
        if self.often(0.9):
            pairs.append(("events", f"[{','.join(self.event() for _ in range(self.chance.choice([0, 1, 2, 4])))}]"))
        if self.often(0.05):
            pairs.append(("unheard_of", self.chance.choice(['{"a":1}', '"a"', "[" * 30 + "]" * 30])))
        return self.object(pairs)

    def body(self):
        self.chinese, self.blanks, self.escapes = (self.often(0.2) for _ in range(3))
        pairs = [("trace", self.trace()), ("as_of", f'"{self.chance.choice(["2026-11-20", "2024-06-01"])}"')]
        pairs.append(("explain", self.chance.choice(["true", "false"])))
        if self.often(0.1):
            pairs.append(("level", self.chance.choice(["0.8", "8e-1", '"0.9"', "2"])))
        if self.often(0.05):
            pairs.append(("market_shift", '{"lithium_carbonate":1.1,"copper":9e-1}'))
        self.chinese = False
        content = self.object(pairs).encode()
        if self.often(0.05):
            at = self.chance.randrange(len(content))
            content = content[:at] + self.chance.choice(STRAY) + content[at + self.chance.randrange(3) :]
        return content


def without_id(content):
    """Return the fields of an answer in order, without its id."""
    return [(name, value) for name, value in json.loads(content).items() if name != "valuation_id"]


def said(response):
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return response.status_code, without_id(response.content), headers


def kept(service, response):
    """Return the stored columns of an answer that depend on its pack and record."""
    with service.database.reading() as connection:
        found = valuations.find(connection, json.loads(response.content)["valuation_id"])
    assert found.answer == response.content
    return found.record, found.notes, found.request, found.input_digest, found.battery_code, found.as_of


def compare_ways(client, seed, bodies):
    """Send bodies through every reader and channel; return the number of valued packs and their ids."""
    scribe, service, ids = Scribe(seed), client.app.state.refresher.service, []
    for _ in range(bodies):
        content = scribe.body()
        answers = [client.post(PATH, content=content, headers=HEAD)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(read_traces, "decode_record", lambda *_: None)
            answers.append(client.post(PATH, content=content, headers=HEAD))
        told = [said(one) for one in answers]
        assert told[0] == told[1], content
        assert told[0][0] < 500, content
        if told[0][0] == 200:
            stored = [kept(service, one) for one in answers]
            assert stored[0] == stored[1], content
            ids += [json.loads(one.content)["valuation_id"] for one in answers]
    for one in scribe.chance.sample(ids, 12):
        assert reproduce_valuation(service.database, one, service.settings.home).identical
    return len(ids) // 2


def test_all_channels_answer_and_store_the_same(shared_client):
    assert compare_ways(shared_client, seed=20, bodies=150) > 40


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_all_readers_agree_on_random_records(shared_client, seed):
    assert compare_ways(shared_client, seed, bodies=1500) > 400


def test_a_batch_gives_the_answers_of_single_requests(shared_client):
    """Valid and invalid packs in one batch, with few different terms, keep their order and cautions."""
    scribe, service, asked = Scribe(21), shared_client.app.state.refresher.service, []
    while len(asked) < 120:
        try:
            asked.append(read_valuation(service, scribe.body()))
        except CanzhiError:
            continue

    async def together():
        batcher = MicroBatcher(256)
        sent = [PendingRequest(service=service, read=lambda one=one: one, caller="test") for one in asked]
        found = await asyncio.gather(*(batcher.value(one) for one in sent), return_exceptions=True)
        await batcher.close()
        return found

    for one, found in zip(asked, asyncio.run(together()), strict=True):
        (alone,) = service.value_many(one.traces, one.terms, channel="http")
        if isinstance(alone, CanzhiError):
            assert problem_of(found) == problem_of(alone)
        else:
            assert without_id(found.outcome.body) == without_id(alone.body)


def test_a_batch_item_gets_the_answer_of_a_single_request(shared_client):
    scribe = Scribe(22)
    bodies = [body for body in (scribe.body() for _ in range(80)) if _is_json(body)]
    results = value_items(shared_client.app.state.refresher.service, bodies)
    for body, result in zip(bodies, results, strict=True):
        alone = shared_client.post(PATH, content=body, headers=HEAD)
        if isinstance(result, CanzhiError):
            assert (alone.status_code, alone.json()["detail"]) == (problem_of(result).status, problem_of(result).detail)
        else:
            assert without_id(result.body) == without_id(alone.content)


def _is_json(body):
    try:
        json.loads(body, parse_int=str)
    except ValueError:
        return False
    return True
