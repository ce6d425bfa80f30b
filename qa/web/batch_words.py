"""The batch page's strings in each language: apart from ``words``, because only this page and its script use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from qa.batch.fault_words import FAULTS


class BatchWords(TypedDict):
    """One language's strings; the script fills in ``{name}`` places."""

    title: str
    lead: str
    drop: str
    choose: str
    kinds: str
    template: str
    token: str
    tokenNote: str
    enter: str
    uploading: str
    preview: str
    readAs: str
    encoding: str
    found: str
    delimiter: str
    delimiters: Mapping[str, str]
    sheet: str
    header: str
    headerYes: str
    headerNo: str
    fillMerged: str
    columns: str
    roles: Mapping[str, str]
    other: str
    noQuestion: str
    rows: str
    start: str
    discard: str
    jobs: str
    none: str
    states: Mapping[str, str]
    statuses: Mapping[str, str]
    progress: str
    left: str
    rate: str
    pause: str
    resume: str
    cancel: str
    remove: str
    sure: str
    download: str
    soFar: str
    formats: Mapping[str, str]
    measures: Mapping[str, str]
    scored: str
    compare: str
    noCompare: str
    failed: str
    errors: Mapping[str, str]
    """By code; the server's own sentence for all others."""
    seconds: str
    minutes: str
    hours: str


BATCH: Mapping[str, BatchWords] = {
    "zh": {
        "title": "批量提问",
        "lead": "把一张问题表拖进来，得到一张带出处的回答表。关上页面也会继续作答。",
        "drop": "把文件拖到这里，或者",
        "choose": "选择文件",
        "kinds": "xlsx、xlsm、csv、tsv、jsonl、txt；其他列会原样保留，有标准答案就会打分。",
        "template": "下载空白模板",
        "token": "令牌",
        "tokenNote": "批量提问需要所有者或有 batch 权限的令牌；只保存在这个标签页里。",
        "enter": "确定",
        "uploading": "正在上传 {name}…",
        "preview": "这样读取 {name}",
        "readAs": "格式 {format}",
        "encoding": "编码",
        "found": "自动（{value}）",
        "delimiter": "分隔符",
        "delimiters": {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线"},
        "sheet": "工作表",
        "header": "表头",
        "headerYes": "第一行是表头",
        "headerNo": "没有表头",
        "fillMerged": "合并单元格的值用于其中每一行",
        "columns": "每一列是什么",
        "roles": {
            "question": "问题",
            "id": "编号",
            "history": "历史",
            "answer": "标准答案",
            "article": "所在文章",
            "source": "来源",
            "category": "类别",
            "answerable": "有无答案",
            "verdict": "评判",
            "comment": "备注",
        },
        "other": "原样保留",
        "noQuestion": "请指出哪一列是问题。",
        "rows": "约 {rows} 行",
        "start": "开始作答",
        "discard": "不用这个文件",
        "jobs": "任务",
        "none": "还没有任务。",
        "states": {
            "draft": "待开始",
            "queued": "排队中",
            "running": "作答中",
            "paused": "已暂停",
            "cancelled": "已停止",
            "finished": "已完成",
            "failed": "失败",
        },
        "statuses": {
            "answered": "找到答案",
            "possible": "可能相关",
            "not_found": "没有找到",
            "error": "出错",
            "skipped": "空行",
        },
        "progress": "{done} / {rows} 行",
        "left": "还需约 {time}",
        "rate": "每秒 {rate} 行",
        "pause": "暂停",
        "resume": "继续",
        "cancel": "停止",
        "remove": "删除",
        "sure": "再按一次删除",
        "download": "下载",
        "soFar": "下载已完成的部分",
        "formats": {"xlsx": "Excel", "csv": "CSV", "jsonl": "JSON Lines", "html": "报告"},
        "measures": {
            "right": "答对",
            "exact": "完全一致",
            "f1": "字符 F1",
            "hit@1": "命中@1",
            "mrr": "MRR",
            "refusal_recall": "拒答召回率",
        },
        "scored": "与 {rows} 行标准答案对照",
        "compare": "与以前的任务比较",
        "noCompare": "不比较",
        "failed": "出错了，请再试一次。",
        "errors": FAULTS["zh"],
        "seconds": "{n} 秒",
        "minutes": "{n} 分钟",
        "hours": "{n} 小时",
    },
    "zh-hant": {
        "title": "批次提問",
        "lead": "把一張問題表拖進來，得到一張帶出處的回答表。關上頁面也會繼續作答。",
        "drop": "把檔案拖到這裡，或者",
        "choose": "選擇檔案",
        "kinds": "xlsx、xlsm、csv、tsv、jsonl、txt；其他欄會原樣保留，有標準答案就會打分。",
        "template": "下載空白範本",
        "token": "權杖",
        "tokenNote": "批次提問需要擁有者或有 batch 權限的權杖；只保存在這個分頁裡。",
        "enter": "確定",
        "uploading": "正在上傳 {name}…",
        "preview": "這樣讀取 {name}",
        "readAs": "格式 {format}",
        "encoding": "編碼",
        "found": "自動（{value}）",
        "delimiter": "分隔符號",
        "delimiters": {",": "逗號", "\t": "定位字元", ";": "分號", "|": "直線"},
        "sheet": "工作表",
        "header": "標題列",
        "headerYes": "第一列是標題",
        "headerNo": "沒有標題列",
        "fillMerged": "合併儲存格的值用於其中每一列",
        "columns": "每一欄是什麼",
        "roles": {
            "question": "問題",
            "id": "編號",
            "history": "歷史",
            "answer": "標準答案",
            "article": "所在文章",
            "source": "來源",
            "category": "類別",
            "answerable": "有無答案",
            "verdict": "評判",
            "comment": "備註",
        },
        "other": "原樣保留",
        "noQuestion": "請指出哪一欄是問題。",
        "rows": "約 {rows} 列",
        "start": "開始作答",
        "discard": "不用這個檔案",
        "jobs": "工作",
        "none": "還沒有工作。",
        "states": {
            "draft": "待開始",
            "queued": "排隊中",
            "running": "作答中",
            "paused": "已暫停",
            "cancelled": "已停止",
            "finished": "已完成",
            "failed": "失敗",
        },
        "statuses": {
            "answered": "找到答案",
            "possible": "可能相關",
            "not_found": "沒有找到",
            "error": "出錯",
            "skipped": "空列",
        },
        "progress": "{done} / {rows} 列",
        "left": "還需約 {time}",
        "rate": "每秒 {rate} 列",
        "pause": "暫停",
        "resume": "繼續",
        "cancel": "停止",
        "remove": "刪除",
        "sure": "再按一次刪除",
        "download": "下載",
        "soFar": "下載已完成的部分",
        "formats": {"xlsx": "Excel", "csv": "CSV", "jsonl": "JSON Lines", "html": "報告"},
        "measures": {
            "right": "答對",
            "exact": "完全一致",
            "f1": "字元 F1",
            "hit@1": "命中@1",
            "mrr": "MRR",
            "refusal_recall": "拒答召回率",
        },
        "scored": "與 {rows} 列標準答案對照",
        "compare": "與以前的工作比較",
        "noCompare": "不比較",
        "failed": "出錯了，請再試一次。",
        "errors": FAULTS["zh-hant"],
        "seconds": "{n} 秒",
        "minutes": "{n} 分鐘",
        "hours": "{n} 小時",
    },
    "en": {
        "title": "Batch",
        "lead": "Drop a table of questions, get a table of answers with sources. It goes on when this page is closed.",
        "drop": "Drop a file here, or",
        "choose": "choose a file",
        "kinds": "xlsx, xlsm, csv, tsv, jsonl or txt. Other columns stay; with gold answers it is scored.",
        "template": "Download an empty template",
        "token": "Token",
        "tokenNote": "Batches are for the owner, or a token of scope batch; it is kept in this tab only.",
        "enter": "Enter",
        "uploading": "Uploading {name}…",
        "preview": "{name} is read like this",
        "readAs": "Format {format}",
        "encoding": "Encoding",
        "found": "found out ({value})",
        "delimiter": "Delimiter",
        "delimiters": {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"},
        "sheet": "Sheet",
        "header": "Header",
        "headerYes": "the first row is a header",
        "headerNo": "no header",
        "fillMerged": "a merged cell's value counts for all its rows",
        "columns": "What each column is",
        "roles": {
            "question": "question",
            "id": "id",
            "history": "history",
            "answer": "gold answer",
            "article": "gold article",
            "source": "gold source",
            "category": "category",
            "answerable": "answerable",
            "verdict": "verdict",
            "comment": "comment",
        },
        "other": "carried through",
        "noQuestion": "Say which column holds the questions.",
        "rows": "about {rows} rows",
        "start": "Answer them",
        "discard": "Not this file",
        "jobs": "Jobs",
        "none": "No jobs yet.",
        "states": {
            "draft": "waiting",
            "queued": "queued",
            "running": "running",
            "paused": "paused",
            "cancelled": "stopped",
            "finished": "finished",
            "failed": "failed",
        },
        "statuses": {
            "answered": "answered",
            "possible": "possible",
            "not_found": "not found",
            "error": "errors",
            "skipped": "blank",
        },
        "progress": "{done} of {rows} rows",
        "left": "about {time} left",
        "rate": "{rate} rows a second",
        "pause": "Pause",
        "resume": "Go on",
        "cancel": "Stop",
        "remove": "Delete",
        "sure": "Press again to delete",
        "download": "Download",
        "soFar": "Download what is done",
        "formats": {"xlsx": "Excel", "csv": "CSV", "jsonl": "JSON Lines", "html": "report"},
        "measures": {
            "right": "right",
            "exact": "exact match",
            "f1": "character F1",
            "hit@1": "hit@1",
            "mrr": "MRR",
            "refusal_recall": "refusal recall",
        },
        "scored": "Measured against {rows} gold rows",
        "compare": "Compare with an earlier job",
        "noCompare": "with none",
        "failed": "Something went wrong; please try again.",
        "errors": FAULTS["en"],
        "seconds": "{n} s",
        "minutes": "{n} min",
        "hours": "{n} h",
    },
}
