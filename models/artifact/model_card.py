"""The model card (模型说明卡): purpose, data, evaluation and limits of a model, generated from its bundle alone.

All content is signed with the model, so the card can be generated again for any bundle.
"""

from __future__ import annotations

import html as escaping
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from models.artifact.bundle import About

_FIGURES = (
    ("sales", "sales judged 评判样本", "{:,.0f}"),
    ("coverage", "share held by the 90 % band 覆盖率", "{:.1%}"),
    ("mape", "MAPE", "{:.1%}"),
    ("wape", "sum of errors over sum of prices", "{:.1%}"),
    ("bias", "bias 偏差", "{:+.1%}"),
    ("relative_width", "width over price 区间宽度/价格", "{:.1%}"),
    ("interval_score_per_kwh", "interval score [CNY/kWh] 区间得分", "{:,.1f}"),
)
_KINDS = {"chemistry": "chemistry 电池体系", "tier": "evidence tier 余证分级", "region": "region 地区",
          "health": "health decile 健康度十分位", "month": "month 月份"}  # fmt: skip

Block: TypeAlias = "tuple[str, str] | tuple[str, Sequence[str], Sequence[Sequence[str]]]"


def markdown(about: About, digest: str) -> str:
    """Return the card as Markdown.

    >>> about = About(name="mine", version="1", created_on="2026-01-05", trained_through="2026-01-05")
    >>> markdown(about, "sha256:ab").splitlines()[0]
    '# Model card 模型说明卡: mine@1'
    """
    lines = []
    for block in _blocks(about, digest):
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
    """Return the card as a self-contained HTML page.

    >>> about = About(name="mine", version="1", created_on="2026-01-05", trained_through="2026-01-05")
    >>> "<h1>Model card 模型说明卡: mine@1</h1>" in html(about, "sha256:ab")
    True
    """
    tags = {"title": "h1", "heading": "h2", "item": "li"}
    body = []
    for block in _blocks(about, digest):
        if block[0] == "table":
            _, heads, rows = block  # type: ignore[misc]  # the first word is the kind
            head = "".join(f"<th scope='col'>{escaping.escape(cell)}</th>" for cell in heads)
            filled = "".join("<tr>" + "".join(f"<td>{escaping.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
            body.append(f"<table><thead><tr>{head}</tr></thead><tbody>{filled}</tbody></table>")
        else:
            tag = tags.get(block[0], "p")
            body.append(f"<{tag}>{escaping.escape(str(block[1]))}</{tag}>")
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}"
        "li{margin-left:1.5rem;overflow-wrap:anywhere}"
    )
    title = escaping.escape(f"{about.name}@{about.version}")
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{style}</style></head><body>\n" + _listed("\n".join(body)) + "\n</body></html>\n"
    )


def _listed(body: str) -> str:
    """Return the body of a page, with consecutive items joined into one list."""
    return re.sub(r"(?:<li>.*</li>\n?)+", lambda run: f"<ul>\n{run[0].rstrip()}\n</ul>\n", body)


def _blocks(about: About, digest: str) -> Iterator[Block]:
    """Yield the blocks of the card."""
    summary = about.summary
    yield "title", f"Model card 模型说明卡: {about.name}@{about.version}"
    if about.demonstration:
        yield (
            "text",
            "Trained on a synthetic market: a demonstration, not a valuation tool. 基于模拟行情训练，仅供演示。",
        )
    yield "heading", "What it is 模型概况"
    yield "item", "estimates what a traction battery pack would fetch, CNY without VAT, with a band 动力电池残值及区间"
    yield "item", "learns what buyers paid over or under a structural value worked out from metals, health and quotes"
    yield "item", f"digest 摘要: {digest}"
    yield "item", f"sales 成交样本: {summary.get('sales', 'not said'):,}" if "sales" in summary else "sales: not said"
    yield "item", f"sold from {summary.get('sold_from', 'not said')} through {about.trained_through} 成交时间"
    if "rows" in summary:
        used = float(summary.get("sales", 0)) / max(float(summary["rows"]), 1.0)
        yield "item", f"rows of the ledger used 台账使用比例: {used:.1%} of {summary['rows']:,}"
    closed = summary.get("closed_routes", {})
    for reason, count in sorted(summary.get("set_aside", {}).items()):
        label = "kept out, closed route 途径已关闭，不参与训练" if reason in closed else "set aside 剔除"
        yield "item", f"{label}: {count:,} - {reason}"
    yield from _judged(summary.get("judgement"))
    yield "heading", "What it does not know 局限"
    yield "item", f"nothing sold after {about.trained_through}; it is re-anchored on sales reported since"
    yield "item", "packs, makers or chemistries that are not among its sales get a wider band, and the answer says so"
    yield "item", "it learns prices as they were: a fair price or a safe pack is not its subject"
    yield "item", "sales into a route that a finding closed on their day taught it nothing 已关闭途径的成交不参与训练"
    yield from _repeating(summary)


def _judged(judgement: Mapping[str, Any] | None) -> Iterator[Block]:
    """Yield the evaluation on held-out sales."""
    yield "heading", "How good it was on sales it had not seen 样本外表现"
    if judgement is None:
        yield "text", "Too few sales to judge it: nothing is claimed. 样本过少，未作评判。"
        return
    if judgement.get("method") == "folds":
        yield (
            "text",
            (
                "Too few sales to hold the newest back: each was judged by a model that had not seen it, but had seen "
                "newer ones; a turn of the market does not show here. 样本较少，采用交叉验证。"
            ),
        )
    else:
        yield "text", "Judged on the newest sales, re-anchored month by month as in service. 以最新成交逐月滚动评判。"
    mine, bare = judgement["overall"], judgement["structural"]
    rows = [(label, spelled.format(mine[name]), spelled.format(bare[name])) for name, label, spelled in _FIGURES]
    yield "table", ("figure 指标", "model 模型", "structural value 结构价值"), rows
    if judgement.get("reliability"):
        shares = [(f"{float(level):.0%}", f"{share:.1%}") for level, share in judgement["reliability"].items()]
        yield "table", ("band promised 名义", "held 实际"), shares
    for kind, figures in judgement.get("segments", {}).items():
        if figures:
            table = [
                (name, *(spelled.format(v[key]) for key, _, spelled in _FIGURES[:3])) for name, v in figures.items()
            ]
            yield "heading", f"By {_KINDS.get(kind, kind)}"
            yield "table", ("segment 分组", "sales", "held 覆盖率", "MAPE"), table


def _repeating(summary: Mapping[str, Any]) -> Iterator[Block]:
    """Yield what is needed to reproduce the training."""
    yield "heading", "How to make it again 复现"
    yield "text", "`canzhi train --from-run RUN` repeats the run and compares the digest. 可由运行记录复现。"
    for name, value in sorted(summary.get("choices", {}).items()):
        yield "item", f"{name} = {value}"
    for name, digest in sorted(summary.get("data", {}).items()):
        yield "item", f"{name}: {digest}"
