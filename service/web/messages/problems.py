"""What went wrong and the way out: a title for every error code, advice, the page's own refusals."""

from __future__ import annotations

from typing import Final

from valuation.messages import Wording

TITLES: Final[dict[str, Wording]] = {
    "canzhi": Wording("This cannot be done", "无法完成"),
    "trace": Wording("The record cannot be used", "记录无法使用"),
    "unreadable-record": Wording("The file cannot be read", "文件无法读取"),
    "field": Wording("A field cannot be right", "字段取值有误"),
    "battery-code": Wording("This is no battery code", "电池编码无效"),
    "refused-pack": Wording("This pack must not be valued", "该电池不予评估"),
    "market": Wording("There is no market for that day", "缺少当日行情"),
    "unreadable-quotes": Wording("The quotes cannot be read", "行情文件无法读取"),
    "missing-quote": Wording("A needed price is not quoted", "缺少必要报价"),
    "predictor": Wording("The model cannot be used", "模型无法使用"),
    "bundle-mismatch": Wording("The model does not fit this version", "模型与版本不匹配"),
    "bundle-tampered": Wording("The model was changed after signing", "模型文件被改动"),
    "unknown-model": Wording("There is no such model", "模型不存在"),
    "not-fitted": Wording("The model was not trained", "模型尚未训练"),
    "training": Wording("Training is not possible", "无法训练"),
    "unreadable-ledger": Wording("The ledger cannot be read", "成交台账无法读取"),
    "too-few-sales": Wording("Too few sales", "成交数据过少"),
    "store": Wording("The store cannot do that", "存储无法完成该操作"),
    "unknown-valuation": Wording("There is no such valuation", "评估结果不存在"),
    "unknown-pack": Wording("Nothing is known of this pack", "无该电池的履历"),
    "unknown-sale": Wording("No such sale was reported", "无此成交记录"),
    "sale-closed": Wording("The sale can no longer be changed", "该成交已作废或已更正"),
    "idempotency-conflict": Wording("The request was sent before, differently", "重复提交且内容不同"),
    "store-not-ready": Wording("The store is not ready", "存储未就绪"),
    "setting": Wording("A setting cannot be used", "设置有误"),
    "body-too-large": Wording("That is too much at once", "内容过大"),
    "overloaded": Wording("Too many are waiting", "排队过多"),
}
"""Title of a problem by its code."""

ADVICE: Final[dict[str, Wording]] = {
    "unreadable-record": Wording(
        "Give a trace record, a battery passport or a CSV, saved as UTF-8.",
        "请提供 UTF-8 编码的溯源记录、电池护照或 CSV。",
    ),
    "field": Wording("Correct the field named and send it again.", "请更正所指字段后重新提交。"),
    "battery-code": Wording("Compare the code with the label, character by character.", "请逐位核对标签上的编码。"),
    "refused-pack": Wording("Settle this before anybody trades the pack.", "请先查清再交易。"),
    "missing-quote": Wording(
        "Choose a later valuation day, or read older quotes.", "请选择更晚的评估基准日，或补充更早的行情。"
    ),
    "unknown-valuation": Wording(
        "Check the id; another store may hold it.", "请核对评估编号；也可能保存在另一存储中。"
    ),
    "body-too-large": Wording("Send fewer packs or a smaller photo.", "请减少电池数量或缩小照片。"),
    "overloaded": Wording("Try again in a moment.", "请稍后重试。"),
    "store-not-ready": Wording(
        "Try again in a moment; the operator finds more in the log.", "请稍后重试；运维人员可查看日志。"
    ),
}
"""The way out by code, where the core's own hint is in English only."""

MESSAGES: Final[dict[str, Wording]] = {
    **{f"problem.{code}": wording for code, wording in TITLES.items()},
    **{f"advice.{code}": wording for code, wording in ADVICE.items()},
    "problem.summary": Wording("Please look at this", "请检查"),
    "problem.original": Wording("In the core's own words", "英文原文"),
    "problem.page": Wording("This page does not exist", "页面不存在"),
    "refusal.nothing": Wording("Nothing was entered.", "尚未输入任何内容。"),
    "refusal.nothing.advice": Wording(
        "Type or scan a battery code, choose a file, or give chemistry and rated energy.",
        "请输入或扫描电池编码，选择文件，或填写电池类型与额定能量。",
    ),
    "refusal.energy": Wording("Rated energy “{value}” is no number.", "额定能量“{value}”不是数字。"),
    "refusal.energy.advice": Wording("Write it in kWh, for example 52.5.", "请以 kWh 填写，例如 52.5。"),
    "refusal.level": Wording("Confidence level “{value}” is no fraction.", "置信水平“{value}”不是小数。"),
    "refusal.level.advice": Wording("Choose one of the list.", "请从列表中选择。"),
    "refusal.photo.unreadable": Wording("The photo {file} cannot be opened.", "照片 {file} 无法打开。"),
    "refusal.photo.unreadable.advice": Wording("Send a PNG, JPEG or WebP picture.", "请上传 PNG、JPEG 或 WebP 图片。"),
    "refusal.photo.empty": Wording("No code was found in the photo {file}.", "照片 {file} 中未识别到二维码。"),
    "refusal.photo.empty.advice": Wording(
        "Take it again, closer and without glare, or type the code below the symbol.",
        "请靠近并避免反光重拍，或手工输入编码。",
    ),
    "refusal.photo.large": Wording("The photo {file} has too many pixels.", "照片 {file} 像素过大。"),
    "refusal.photo.large.advice": Wording("Send one of at most 50 megapixels.", "请上传不超过 5000 万像素的照片。"),
    "refusal.photo.several": Wording("The photo shows several codes.", "照片中有多个编码。"),
    "refusal.photo.several.advice": Wording(
        "Choose the pack, or photograph one label only.", "请选择电池，或只拍一个标签。"
    ),
    "refusal.mixed": Wording("A pasted record and files came together.", "粘贴记录与文件同时提交。"),
    "refusal.mixed.advice": Wording(
        "Send one of them; a code or a nameplate may come with either.", "请只提交其中一种；编码与铭牌可一并填写。"
    ),
    "refusal.too_many": Wording(
        "The files hold {count} packs, more than {limit} at once.", "共 {count} 个电池，超过单次上限 {limit} 个。"
    ),
    "refusal.too_many.advice": Wording(
        "Split the list, or use the command canzhi score.", "请分批提交，或使用命令 canzhi score。"
    ),
    "refusal.form": Wording("The form came in an unknown shape.", "表单格式无法识别。"),
    "refusal.form.advice": Wording("Send it from this page.", "请从本页提交。"),
}
