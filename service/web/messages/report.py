"""What the report for the files says."""

from __future__ import annotations

from typing import Final

from valuation.messages import Wording

MESSAGES: Final[dict[str, Wording]] = {
    "report.title": Wording("Valuation report", "残值评估报告"),
    "report.subtitle": Wording("Residual value of a traction battery pack", "动力电池包残值评估"),
    "report.print": Wording("Print or save as PDF: Ctrl + P", "打印或另存为 PDF：Ctrl + P"),
    "report.back": Wording("Back to the valuation", "返回评估结果"),
    "report.identity": Wording("Identity", "电池信息"),
    "report.code": Wording("Battery code", "动力电池编码"),
    "report.chemistry": Wording("Chemistry declared", "申报电池类型"),
    "report.energy": Wording("Rated energy declared", "申报额定能量"),
    "report.capacity": Wording("Rated capacity declared", "申报额定容量"),
    "report.mass": Wording("Mass declared", "申报质量"),
    "report.made_on": Wording("Made on", "生产日期"),
    "report.maker": Wording("Maker", "生产企业"),
    "report.vehicle": Wording("Vehicle model", "车型"),
    "report.duty": Wording("Duty", "用途"),
    "report.events": Wording("Events on record", "履历记录数"),
    "report.undeclared": Wording("not declared", "未申报"),
    "report.as_of": Wording("Valuation day", "评估基准日"),
    "report.best": Wording("Best route", "最优利用途径"),
    "report.region": Wording("Region", "地区"),
    "report.basis": Wording("Basis", "计价口径"),
    "report.made": Wording("Valued at", "评估时间"),
    "report.channel": Wording("Through", "提交方式"),
    "report.value": Wording("Value and band", "评估值与区间"),
    "report.reasons": Wording("Reasons", "价值构成"),
    "report.routes": Wording("Routes", "利用途径"),
    "report.metals": Wording("Metals", "有价金属"),
    "report.condition": Wording("Condition and evidence", "状态与证据"),
    "report.cautions": Wording("Cautions", "提示"),
    "report.market": Wording("Market quotes used", "所用行情"),
    "report.instrument": Wording("Instrument", "品种"),
    "report.price": Wording("Price without VAT", "不含税价"),
    "report.unit": Wording("Unit", "单位"),
    "report.quoted": Wording("Quoted on", "报价日期"),
    "report.age": Wording("Age, days", "距基准日（天）"),
    "report.shift": Wording("Scenario: {what}", "情景：{what}"),
    "report.model": Wording("Model", "模型"),
    "report.proof": Wording("Proof", "留痕"),
    "report.id": Wording("Valuation id", "评估编号"),
    "report.input_digest": Wording("Digest of the record", "记录摘要值"),
    "report.market_digest": Wording("Digest of the quotes", "行情摘要值"),
    "report.model_digest": Wording("Digest of the model", "模型摘要值"),
    "report.code_version": Wording("Version of canzhi", "软件版本"),
    "report.reproduce": Wording(
        "Record, quotes and model are kept. "
        "This command works the valuation out again and says whether every bit is the same:",
        "记录、行情与模型均已留存。执行以下命令可复算，并逐位核对结果：",
    ),
    "report.method": Wording(
        "The value is what the pack would fetch on the valuation day by the best route open to it, from metal content, "
        "health, costs and the quotes of the day, corrected by what a model has learned from sales. "
        "The band is to hold the stated share of deals. "
        "Nothing that happened or was reported after the day has any influence.",
        "评估值为电池在评估基准日按可行的最优途径可得的价格，"
        "由金属含量、健康状态、成本与当日行情推算，并以成交数据训练的模型修正。"
        "区间应覆盖所示比例的成交。基准日之后发生或报告的信息不影响结果。",
    ),
    "report.method.structural": Wording(
        "The value is what the pack would fetch on the valuation day by the best route open to it, from metal content, "
        "health, costs and the quotes of the day; no model trained on sales took part. "
        "The band is to hold the stated share of deals. "
        "Nothing that happened or was reported after the day has any influence.",
        "评估值为电池在评估基准日按可行的最优途径可得的价格，"
        "由金属含量、健康状态、成本与当日行情推算；未使用成交数据训练的模型。"
        "区间应覆盖所示比例的成交。基准日之后发生或报告的信息不影响结果。",
    ),
    "report.method.title": Wording("How the value comes about", "评估方法"),
}
