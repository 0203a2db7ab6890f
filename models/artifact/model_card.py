"""The model card (模型说明卡): purpose, data, evaluation and limits of a model, generated from its bundle alone.

All content is signed with the model, so the card can be generated again for any bundle.
"""

from __future__ import annotations

import html as escaping
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from models.artifact.bundle import About
from valuation.messages import LANGUAGES, Language, Message, find, say

_FIGURES = {
    "sales": "{:,.0f}",
    "coverage": "{:.1%}",
    "mape": "{:.1%}",
    "wape": "{:.1%}",
    "bias": "{:+.1%}",
    "relative_width": "{:.1%}",
    "interval_score_per_kwh": "{:,.1f}",
}
_IN_SEGMENTS = ("sales", "coverage", "mape")

Block: TypeAlias = "tuple[str, str] | tuple[str, Sequence[str], Sequence[Sequence[str]]]"


def markdown(about: About, digest: str) -> str:
    """Return the card as Markdown, in English and then in Chinese.

    >>> about = About(name="mine", version="1", created_on="2026-01-05", trained_through="2026-01-05")
    >>> markdown(about, "sha256:ab").splitlines()[0]
    '# Model card: mine@1'
    """
    return "\n---\n\n".join(_markdown(about, digest, language) for language in LANGUAGES)


def _markdown(about: About, digest: str, language: Language) -> str:
    lines: list[str] = []
    for block in _Card(about, digest, language).blocks():
        if block[0] == "table":
            _, heads, rows = block  # type: ignore[misc]  # the first word is the kind
            lines += ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
        else:
            mark, text = block[0], str(block[1])
            if mark == "heading" and lines and lines[-1]:
                lines.append("")
            lines.append({"title": "# ", "heading": "## ", "item": "- "}.get(mark, "") + text)
        if block[0] != "item":
            lines.append("")
    return "\n".join(lines).strip() + "\n"


def html(about: About, digest: str) -> str:
    """Return the card as a self-contained HTML page, in English and then in Chinese.

    >>> about = About(name="mine", version="1", created_on="2026-01-05", trained_through="2026-01-05")
    >>> "<h1>Model card: mine@1</h1>" in html(about, "sha256:ab")
    True
    """
    sections = (
        f"<section lang='{language}'>\n{_section(about, digest, language)}\n</section>" for language in LANGUAGES
    )
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}"
        "li{margin-left:1.5rem;overflow-wrap:anywhere}"
    )
    title = escaping.escape(f"{about.name}@{about.version}")
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{style}</style></head><body>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _section(about: About, digest: str, language: Language) -> str:
    """Return the card in one language."""
    tags = {"title": "h1", "heading": "h2", "item": "li"}
    body = []
    for block in _Card(about, digest, language).blocks():
        if block[0] == "table":
            _, heads, rows = block  # type: ignore[misc]  # the first word is the kind
            head = "".join(f"<th scope='col'>{escaping.escape(cell)}</th>" for cell in heads)
            filled = "".join("<tr>" + "".join(f"<td>{escaping.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
            body.append(f"<table><thead><tr>{head}</tr></thead><tbody>{filled}</tbody></table>")
        else:
            tag = tags.get(block[0], "p")
            body.append(f"<{tag}>{escaping.escape(str(block[1]))}</{tag}>")
    return re.sub(r"(?:<li>.*</li>\n?)+", lambda run: f"<ul>\n{run[0].rstrip()}\n</ul>\n", "\n".join(body))


class _Card:
    """The blocks of a card in one language."""

    def __init__(self, about: About, digest: str, language: Language) -> None:
        self.about, self.digest, self.language = about, digest, language
        self.summary = about.summary

    def _say(self, name: str, **parameters: object) -> str:
        return say(self.language, f"card.{name}", **parameters)

    def blocks(self) -> Iterator[Block]:
        """Yield title, description, evaluation, limits and reproduction."""
        yield "title", self._say("title", model=f"{self.about.name}@{self.about.version}")
        if self.about.demonstration:
            yield "text", self._say("demonstration")
        yield from self._description()
        yield from self._accuracy(self.summary.get("judgement"))
        yield "heading", self._say("limits")
        yield "item", self._say("limit.later", day=self.about.trained_through)
        for name in ("unseen", "prices", "closed_routes"):
            yield "item", self._say(f"limit.{name}")
        yield "heading", self._say("repeat")
        yield "text", self._say("repeat.command")
        for name, value in sorted(self.summary.get("choices", {}).items()):
            yield "item", f"{name} = {value}"
        for name, digest in sorted(self.summary.get("data", {}).items()):
            yield "item", f"{name}: {digest}"

    def _description(self) -> Iterator[Block]:
        summary = self.summary
        yield "heading", self._say("about")
        yield "item", self._say("purpose")
        yield "item", self._say("method")
        yield "item", self._say("digest", digest=self.digest)
        yield (
            "item",
            self._say("sales", count=summary["sales"]) if "sales" in summary else self._say("sales_not_stated"),
        )
        first = summary.get("sold_from", self._say("not_stated"))
        yield "item", self._say("sold_between", first=first, last=self.about.trained_through)
        if "rows" in summary:
            share = float(summary.get("sales", 0)) / max(float(summary["rows"]), 1.0)
            yield "item", self._say("share_used", share=share, count=summary["rows"])
        closed = summary.get("closed_routes", {})
        for reason, count in sorted(summary.get("set_aside", {}).items()):
            named = reason if find(reason) is None else Message(reason)  # older models name the reason in English
            yield "item", self._say("closed_route" if reason in closed else "rejected", count=count, reason=named)

    def _accuracy(self, judgement: Mapping[str, Any] | None) -> Iterator[Block]:
        """Yield the evaluation on held-out sales."""
        yield "heading", self._say("accuracy")
        if judgement is None:
            yield "text", self._say("accuracy.unknown")
            return
        yield "text", self._say("accuracy.folds" if judgement.get("method") == "folds" else "accuracy.newest")
        mine, bare = judgement["overall"], judgement["structural"]
        rows = [
            (self._say(f"figure.{name}"), spelled.format(mine[name]), spelled.format(bare[name]))
            for name, spelled in _FIGURES.items()
        ]
        yield "table", self._heads("figure", "model", "structural"), rows
        if judgement.get("reliability"):
            shares = [(f"{float(level):.0%}", f"{share:.1%}") for level, share in judgement["reliability"].items()]
            yield "table", self._heads("level", "covered"), shares
        for kind, figures in judgement.get("segments", {}).items():
            if figures:
                table = [
                    (name, *(_FIGURES[key].format(values[key]) for key in _IN_SEGMENTS))
                    for name, values in figures.items()
                ]
                called = kind if find(f"card.kind.{kind}") is None else self._say(f"kind.{kind}")
                yield "heading", self._say("by", kind=called)
                yield "table", self._heads("segment", "sales", "covered", "mape"), table

    def _heads(self, *names: str) -> tuple[str, ...]:
        return tuple(self._say(f"head.{name}") for name in names)
