"""What people read in a batch's results, in Chinese and English: names of columns, sheets, statuses, measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MARK = " (wenbao)"
"""Follows the name of a column of ours where the input has a column of that name."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's words. ``columns`` and ``passage_columns`` are by key, in the order of the result."""

    tag: str
    columns: dict[str, str]
    score_columns: dict[str, str]
    review_columns: dict[str, str]
    passage_columns: dict[str, str]
    sheets: dict[str, str]
    statuses: dict[str, str]
    verdicts: tuple[str, str]
    measures: dict[str, str]
    open: str
    """What a link says."""
    setting: str
    value: str
    settings: dict[str, str]
    """Names of what answered, by key."""
    report: dict[str, str]
    """Headings of the HTML report."""
    cut: str
    """Follows a cell's text that was cut; ``{chars}`` is its whole length."""


EN = Wording(
    tag="en",
    columns={
        "status": "status", "answer": "answer", "confidence": "confidence", "sentence": "sentence",
        "headline": "headline", "section": "section", "file": "file", "place": "place", "link": "link",
        "error": "error", "runner_up": "runner-up", "searched_as": "searched as", "trace_id": "trace id",
    },
    score_columns={"right": "right", "f1": "F1", "rank": "rank of the source"},
    review_columns={"verdict": "verdict", "comment": "comment"},
    passage_columns={
        "id": "id", "question": "question", "rank": "rank", "score": "score", "headline": "headline",
        "section": "section", "file": "file", "start": "start", "end": "end", "text": "text", "terms": "matched words",
        "lexical_rank": "rank by words", "dense_rank": "rank by meaning", "link": "link",
    },
    sheets={"answers": "answers", "passages": "passages", "scores": "scores", "settings": "settings"},
    statuses={
        "answered": "answered", "possible": "possible", "not_found": "not found", "error": "error",
        "skipped": "skipped",
    },
    verdicts=("right", "wrong"),
    measures={
        "exact": "exact match", "f1": "character F1", "contains": "holds the answer", "hit@1": "hit@1",
        "hit@3": "hit@3", "hit@5": "hit@5", "mrr": "MRR", "refusal_precision": "refusal precision",
        "refusal_recall": "refusal recall", "right": "right",
    },
    open="open",
    setting="setting",
    value="value",
    settings={
        "input": "questions", "sha256": "SHA-256 of the questions", "format": "format", "encoding": "encoding",
        "delimiter": "delimiter", "sheet": "sheet", "columns": "columns", "rows": "rows",
        "answered_on": "answered on (UTC)", "wenbao": "version of wenbao",
        "index_fingerprint": "fingerprint of the index", "files": "files", "articles": "articles",
        "passages": "passages", "model": "model", "model_fingerprint": "fingerprint of the model",
        "top_k": "passages kept for a question", "question_chars": "longest question",
    },
    report={
        "title": "Answers to a file of questions", "outcome": "Outcome", "statuses": "{rows} rows by status",
        "confidence": "Answers by confidence", "answers": "Answers", "source": "sentence and place",
        "first": "The first {shown} of {rows} rows; the others are in the workbook or csv.",
        "scores": "Measured against {rows} gold rows", "intervals": "Measures with 95 % intervals (bootstrap)",
        "category": "By {column}", "worst": "The worst", "wanted": "gold", "measure": "measure", "change": "change",
        "compared": "Against the earlier run ({rows} rows of both)", "lost": "Right before, wrong now: {rows}",
        "won": "Wrong before, right now: {rows}", "changed": "Another answer, no gold tells which is right: {rows}",
        "before": "before", "now": "now",
    },
    cut="… [cut: {chars} characters]",
)  # fmt: skip
ZH = Wording(
    tag="zh",
    columns={
        "status": "状态", "answer": "回答", "confidence": "把握", "sentence": "依据句", "headline": "所在文章",
        "section": "所在栏目", "file": "所在文件", "place": "位置", "link": "链接", "error": "错误说明",
        "runner_up": "次选", "searched_as": "实际查找", "trace_id": "追踪号",
    },
    score_columns={"right": "是否答对", "f1": "F1", "rank": "出处名次"},
    review_columns={"verdict": "评判", "comment": "备注"},
    passage_columns={
        "id": "编号", "question": "问题", "rank": "名次", "score": "得分", "headline": "所在文章",
        "section": "所在栏目", "file": "所在文件", "start": "起", "end": "止", "text": "原文", "terms": "对上的词",
        "lexical_rank": "按词名次", "dense_rank": "按意思名次", "link": "链接",
    },
    sheets={"answers": "回答", "passages": "全部段落", "scores": "得分", "settings": "设置"},
    statuses={
        "answered": "找到答案", "possible": "可能相关", "not_found": "没有找到", "error": "出错", "skipped": "空行",
    },
    verdicts=("对", "错"),
    measures={
        "exact": "完全一致", "f1": "字符 F1", "contains": "含有答案", "hit@1": "命中@1", "hit@3": "命中@3",
        "hit@5": "命中@5", "mrr": "MRR", "refusal_precision": "拒答准确率", "refusal_recall": "拒答召回率",
        "right": "答对",
    },
    open="打开",
    setting="项目",
    value="值",
    settings={
        "input": "问题文件", "sha256": "问题文件的 SHA-256", "format": "格式", "encoding": "编码",
        "delimiter": "分隔符", "sheet": "工作表", "columns": "各列", "rows": "行数", "answered_on": "作答日期（UTC）",
        "wenbao": "wenbao 版本",
        "index_fingerprint": "索引指纹", "files": "文件数", "articles": "文章数", "passages": "段落数", "model": "模型",
        "model_fingerprint": "模型指纹", "top_k": "每题保留段落数", "question_chars": "问题最长字数",
    },
    report={
        "title": "问题文件的回答", "outcome": "结果", "statuses": "{rows} 行，按状态", "confidence": "回答，按把握",
        "answers": "回答", "source": "依据句与出处", "first": "这里是 {rows} 行中的前 {shown} 行，其余见表格。",
        "scores": "与 {rows} 行标准答案对照", "intervals": "各项得分与 95% 区间（自助法）", "category": "按{column}",
        "worst": "最差的问题", "wanted": "标准答案", "measure": "得分", "change": "变化",
        "compared": "与上次相比（两次都有的 {rows} 行）", "lost": "上次对、这次错：{rows}",
        "won": "上次错、这次对：{rows}", "changed": "回答变了，没有标准答案可判断：{rows}", "before": "上次",
        "now": "这次",
    },
    cut="…〔已截断，共 {chars} 字〕",
)  # fmt: skip
LANGUAGES = {"zh": ZH, "en": EN}


def wording(tag: str) -> Wording:
    """The words of a language; English for one that we don't have."""
    return LANGUAGES.get(tag, EN)


def own_columns(names: Sequence[str]) -> frozenset[int]:
    """Positions of the columns that an earlier result of ours added, when the table is one: they aren't gold.

    A table is one of ours when it has the columns of status and trace id. What is ours is then told by name, by the
    one with our mark where both are there.
    """
    for words in LANGUAGES.values():
        ours = [*words.columns.values(), *words.score_columns.values()]
        keys = (words.columns["status"], words.columns["trace_id"])
        if all(key in names or key + MARK in names for key in keys):
            wanted = {name + MARK if name + MARK in names else name for name in ours}
            return frozenset(i for i, name in enumerate(names) if name in wanted)
    return frozenset()
