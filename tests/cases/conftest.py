"""Value the same input through every entry point of the service: command line, HTTP, page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service import cli
from service.app import create_app
from service.settings import Settings

AS_OF = "2026-11-20"
CODE = "001PB0A0000001A680000123"
_OF_THE_ANSWER = ("valuation_id", "cautions")


@dataclass(frozen=True)
class Outcome:
    """Result of one entry point: the valuation, or the reason of the refusal."""

    answer: dict | None = None
    refusal: str = ""

    @property
    def cautions(self) -> str:
        """The English cautions as one text."""
        return " | ".join(caution["message_en"] for caution in (self.answer or {}).get("cautions", ()))

    @property
    def worth(self) -> dict:
        """The answer without its id and its cautions."""
        assert self.answer is not None, self.refusal
        return {name: value for name, value in self.answer.items() if name not in _OF_THE_ANSWER}


@dataclass(frozen=True)
class Entrances:
    """A home folder with all entry points."""

    client: TestClient
    folder: Path
    printed: Callable[[], tuple[str, str]]

    def value(self, *files: tuple[str, bytes | dict], options: tuple[str, ...] = ()) -> Outcome:
        """Run `canzhi value`."""
        paths = []
        for name, content in files:
            path = self.folder / name
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
            paths.append(str(path))
        code = cli.run(["value", *paths, "--as-of", AS_OF, "--json", *options])
        out, err = self.printed()
        assert code in (0, 1), err
        lines = [json.loads(line) for line in out.splitlines()]
        answers = [line for line in lines if "problem" not in line]
        if code or not answers:
            return Outcome(refusal=err)
        assert len(answers) == 1
        return Outcome(answer=answers[0])

    def http(self, kind: str, document: dict | str, path: str = "/v1/valuations", **more: object) -> Outcome:
        """Send a trace record, a passport or a code over HTTP."""
        answer = self.client.post(path, json={kind: document, "as_of": AS_OF, **more})
        if answer.status_code != 200:
            told = answer.json()
            return Outcome(refusal=f"{told['detail']} {told.get('hint', '')}")
        return Outcome(answer=answer.json())

    def page(self, *files: tuple[str, bytes | dict], **fields: str) -> Outcome:
        """Submit the form of the page with files and fields."""
        sent = [
            ("files", (name, content if isinstance(content, bytes) else json.dumps(content).encode()))
            for name, content in files
        ]
        answer = self.client.post(
            "/?lang=en", data={"as_of": AS_OF, **fields}, files=sent or None, follow_redirects=False
        )
        if answer.status_code != 303:
            return Outcome(refusal=answer.text)
        kept = answer.headers["location"].rpartition("/")[2]
        return Outcome(answer=self.client.get(f"/v1/valuations/{kept}").json())

    def everywhere(self, kind: str, document: dict) -> Outcome:
        """Use every entry point, check that all results agree, and return them."""
        file = ("document.json", document)
        outcomes = [self.value(file), self.http(kind, document), self.page(file)]
        assert len({outcome.answer is None for outcome in outcomes}) == 1, outcomes
        if outcomes[0].answer is not None:
            assert outcomes[0].worth == outcomes[1].worth == outcomes[2].worth
            assert outcomes[0].cautions == outcomes[1].cautions == outcomes[2].cautions
        return outcomes[1]


@pytest.fixture(scope="session")
def case_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home folder for all cases."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def case_client(case_home: Path) -> Iterator[TestClient]:
    """One client for all cases."""
    application = create_app(Settings(home=case_home))
    with TestClient(application, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000)) as opened:
        yield opened


@pytest.fixture
def entrances(
    case_home: Path,
    case_client: TestClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Entrances:
    """The entry points of one home folder, without a trained model."""
    for name in ("CANZHI_DATABASE_URL", "CANZHI_MARKET", "CANZHI_MODEL", "CANZHI_API_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CANZHI_HOME", str(case_home))
    capsys.readouterr()
    return Entrances(client=case_client, folder=tmp_path, printed=capsys.readouterr)
