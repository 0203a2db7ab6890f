"""What the frame of every page and the form say."""

from __future__ import annotations

from typing import Final

from valuation.messages import Wording

MESSAGES: Final[dict[str, Wording]] = {
    "site.name": Wording("canzhi", "残值"),
    "site.skip": Wording("Skip to the content", "跳到正文"),
    "site.language": Wording("Language", "语言"),
    "site.home": Wording("Start page", "首页"),
    "site.footer": Wording(
        "Residual value of traction batteries, with a band that says how sure it is. "
        "Runs here; nothing leaves this server.",
        "动力电池残值评估：给出价格，也给出把握有多大。本机运行，数据不外传。",
    ),
    "form.title": Wording("Value a battery pack", "评估一个电池包"),
    "form.lead": Wording(
        "Scan the label or drop a file. A code alone is enough; every further record narrows the band.",
        "扫描标签或上传文件即可。仅有编码也能评估，资料越多，区间越窄。",
    ),
    "form.code": Wording("Battery code", "动力电池编码"),
    "form.code.help": Wording(
        "24 characters under GB/T 34014. Type, paste or scan it; a scanner's Enter key starts the valuation.",
        "GB/T 34014 规定的 24 位编码。可手输、粘贴或扫码，扫码枪回车即开始评估。",
    ),
    "form.files": Wording("Files", "上传文件"),
    "form.files.help": Wording(
        "Trace record (JSON, JSONL), battery passport (one or several JSON files), a CSV with one line a pack, "
        "or a photo of the QR or Data Matrix code. Up to {limit} MB.",
        "溯源记录（JSON、JSONL）、电池护照（一个或多个 JSON）、每包一行的 CSV，或二维码（QR、Data Matrix）照片。"
        "总计不超过 {limit} MB。",
    ),
    "form.files.again": Wording(
        "Your browser asks for the file again; everything you typed is still here.",
        "浏览器要求重新选择文件；已输入的内容均已保留。",
    ),
    "form.drop": Wording("or drop files here", "也可拖放到此处"),
    "form.nameplate": Wording("Nameplate and pasted record", "铭牌信息与粘贴记录"),
    "form.nameplate.help": Wording(
        "All optional. Together with a code or a file that lacks them, or alone on old packs without a label. "
        "Make, model and model year alone give a first value.",
        "均为选填。可与编码一并填写，也可补充文件中缺少的内容；无标签的旧电池可仅填铭牌。仅知品牌、车型与年款也可初步评估。",
    ),
    "form.chemistry": Wording("Chemistry", "电池类型"),
    "form.chemistry.unknown": Wording("not known", "未知"),
    "form.energy": Wording("Rated energy, kWh", "额定能量（kWh）"),
    "form.made_on": Wording("Made on", "生产日期"),
    "form.mass": Wording("Mass, kg", "质量（kg）"),
    "form.soh": Wording("State of health, %", "健康状态（%）"),
    "form.soh_on": Wording("Health measured on", "健康状态检测日期"),
    "form.make": Wording("Make of the vehicle", "车辆品牌"),
    "form.vehicle_model": Wording("Vehicle model", "车型"),
    "form.model_year": Wording("Model year", "年款"),
    "form.vin": Wording("VIN", "车架号"),
    "form.odometer_km": Wording("Odometer, km", "行驶里程（km）"),
    "form.record": Wording("Trace record or passport, pasted", "粘贴溯源记录或电池护照"),
    "form.record.help": Wording("JSON, JSON lines or CSV text.", "JSON、JSON Lines 或 CSV 文本。"),
    "form.as_of": Wording("Valuation day", "评估基准日"),
    "form.as_of.help": Wording("Empty: {day}.", "留空则为 {day}。"),
    "form.level": Wording("Confidence level", "置信水平"),
    "form.level.help": Wording("Share of deals that the band is to hold.", "区间应覆盖的成交比例。"),
    "tiers.title": Wording("The more is known, the narrower the band", "资料越多，区间越窄"),
    "tiers.help": Wording(
        "Every answer names its tier and what would narrow it most.", "每份结果都会注明证据等级，以及最有效的补充措施。"
    ),
    "form.submit": Wording("Value the pack", "开始评估"),
    "form.working": Wording("Working it out …", "正在评估……"),
    "form.next": Wording("Next code", "下一个编码"),
    "form.next.submit": Wording("Value", "评估"),
    "form.suggestion": Wording("Did you mean", "是否为"),
    "form.choose": Wording("Several codes are in the photo. Which pack?", "照片中有多个编码，请选择："),
}
