"""The sample pages set again in other layouts, with their truth moved along: what the splitter can't have learnt by heart.

``reset`` takes a page's true structure (``articles.json`` of the gold folder) and prints it anew: headings marked
otherwise or not at all, lines wrapped, letters spaced, bylines at the end, articles in another order.
"""

from __future__ import annotations

import random
import re
import textwrap
from dataclasses import dataclass
from typing import Any

Gold = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a page is set: ``heads`` marks headlines, ``sections`` marks section headings by level."""

    name: str
    heads: str = ""
    sections: tuple[str, str] = ("", "●")
    wrap: int = 0
    indent: bool = False
    letter_spaced: bool = False
    noise: bool = False
    byline: str = "start"
    collapse_gaps: bool = False
    shuffle: bool = False
    full_width: bool = False
    line_end: str = "\n"


LAYOUTS = (
    Layout("as printed"),
    Layout("markdown, all headings", heads="# ", sections=("## ", "### ")),
    Layout("markdown, second level", heads="## ", sections=("### ", "#### "), collapse_gaps=True),
    Layout("windows line ends", line_end="\r\n"),
    Layout("gaps lost", collapse_gaps=True),
    Layout("diamonds", sections=("", "◆")),
    Layout("triangles with blanks", sections=("", "▲ ")),
    Layout("squares for both levels", sections=("■", "◆")),
    Layout("hard-wrapped columns", wrap=18),
    Layout("hard-wrapped, wide, indented", wrap=30, indent=True),
    Layout("print-line blanks", noise=True),
    Layout("letter-spaced", letter_spaced=True),
    Layout("byline in brackets at the end", byline="end in brackets"),
    Layout("byline on a line at the end", byline="end on a line"),
    Layout("byline on a line below the headline", byline="line"),
    Layout("other order", shuffle=True),
    Layout("full-width punctuation", full_width=True),
)

_HAN = "[\u4e00-\u9fff]"
_NAMES = re.compile(r"(?:记者|通讯员)[^）)*]*")


class _Printer:
    def __init__(self) -> None:
        self.text = ""

    def put(self, text: str) -> tuple[int, int]:
        start = len(self.text)
        self.text += text
        return start, len(self.text)


def reset(source: str, gold: Gold, layout: Layout) -> tuple[str, Gold]:
    """The page in the layout, and its truth in the same shape as the gold file's."""
    printer = _Printer()
    articles = list(gold["articles"])
    if layout.shuffle and not any(a.get("headless") for a in articles):
        random.Random(7).shuffle(articles)
    printed: list[Gold] = []
    captions = [n for n in gold["noise"] if n.get("belongs_to") and n["start_char"] < articles[0]["start_char"]]
    for caption in captions:
        printer.put("\n\n\n\n" if not layout.collapse_gaps else "\n\n")
        printer.put(caption["text"])
    for article in articles:
        printed.append(_article(printer, source, gold, article, layout))
        for noise in gold["noise"]:
            if noise["start_char"] >= article["end_char"] and noise["kind"] in {"advertisement", "page_furniture"}:
                follower = min(
                    (a["start_char"] for a in gold["articles"] if a["start_char"] >= article["end_char"]), default=-1
                )
                if noise["end_char"] <= follower:
                    printer.put("\n\n" if noise["kind"] == "advertisement" else "\n")
                    noise["printed"] = printer.put(noise["text"])
    furniture = [
        {"start_char": n["printed"][0], "end_char": n["printed"][1], "kind": n["kind"]}
        for n in gold["noise"]
        if "printed" in n
    ]
    for noise in gold["noise"]:
        noise.pop("printed", None)
    text, page = printer.text, {"file": gold["file"], "articles": printed, "noise": furniture}
    if layout.full_width:
        text = text.translate({ord(","): "，", ord("("): "（", ord(")"): "）", ord(":"): "：", ord("!"): "！"})
    if layout.line_end != "\n":
        text, page = _with_line_ends(text, page, layout.line_end)
    return text, page


def _with_line_ends(text: str, page: Gold, line_end: str) -> tuple[str, Gold]:
    moved = [0]
    for character in text:
        moved.append(moved[-1] + (len(line_end) if character == "\n" else 1))

    def move(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: moved[v] if isinstance(v, int) and k.endswith(("_char", "_start", "_end")) else move(v)
                for k, v in value.items()
            }
        return [move(v) for v in value] if isinstance(value, list) else value

    return text.replace("\n", line_end), move(page)


def _article(printer: _Printer, source: str, gold: Gold, article: Gold, layout: Layout) -> Gold:
    found: Gold = {"headline": article["headline"], "sections": []}
    printer.put("\n\n")
    start = len(printer.text)
    if article["kicker"]:
        label = "■" if source[article["kicker_start"] - 1] == "■" else ""
        printer.put(f"{label}{article['kicker']}\n\n")
    if article["headline"]:
        mark = printer.put(layout.heads)[0]
        found["headline_start"] = printer.put(_spaced(article["headline"], layout))[0]
        start = start if article["kicker"] else mark
        printer.put("\n\n")
    if article["subhead"]:
        printer.put(f"{article['subhead']}\n\n")
    byline = article["byline"] or ""
    names = _NAMES.search(byline)
    run_in = bool(article.get("byline_start")) and byline.startswith("本报讯")
    own_line = byline and not run_in and article["byline_end"] < article["sections"][0]["end_char"] - 60
    moves = layout.byline != "start" and run_in and names is not None
    if own_line or (moves and layout.byline == "line"):
        printer.put(byline if own_line else f"本报{names[0].strip()}" if names else "")
        printer.put("\n\n")
    for section in article["sections"]:
        if section.get("kind") == "captions":
            continue
        found["sections"].append(_section(printer, source, gold, article, section, layout, moves=moves))
    if moves and layout.byline.startswith("end") and names:
        printer.put(f"（{names[0].strip()}）" if layout.byline == "end in brackets" else f"\n\n本报{names[0].strip()}")
    found["start_char"], found["end_char"] = start, len(printer.text)
    return found


def _section(
    printer: _Printer, source: str, gold: Gold, article: Gold, section: Gold, layout: Layout, *, moves: bool
) -> Gold:
    found: Gold = {}
    if article["sections"][0] is not section:
        printer.put("\n\n")
    start = section["start_char"]
    found["start_char"] = len(printer.text)
    if section.get("heading"):
        level = section.get("level", 1)
        bulleted = source[section["heading_start"] - 1] in "●■ "
        mark = layout.sections[1 if bulleted or level == 2 else 0]
        printer.put(mark)
        found["heading_start"] = printer.put(_spaced(section["heading"], layout))[0]
        printer.put("\n\n")
        start = section["heading_end"]
    body = source[start : section["end_char"]].strip()
    for noise in gold["noise"]:
        if section["start_char"] < noise["start_char"] < section["end_char"] and not noise.get("belongs_to"):
            body = body.replace(noise["text"], "")
    if moves:
        body = body.replace(f"**{article['byline']}**", "").replace(article["byline"], "").strip()
    body = _body(body, layout)
    at = printer.put(body)[0] + len(body) - len(body.lstrip())
    if "heading_start" not in found:
        found["start_char"] = at
    found["end_char"] = len(printer.text)
    return found


def _spaced(text: str, layout: Layout) -> str:
    return re.sub(f"(?<={_HAN})(?={_HAN})", " ", text) if layout.letter_spaced else text


def _body(text: str, layout: Layout) -> str:
    if layout.collapse_gaps:
        text = re.sub(r"\n{3,}", "\n\n", text)
    paragraphs = text.split("\n\n") if not layout.collapse_gaps else text.split("\n\n")
    done = []
    for paragraph in paragraphs:
        line = paragraph
        if (layout.wrap or layout.noise) and not layout.letter_spaced:
            line = re.sub(f"(?<={_HAN}) (?={_HAN})", "", line) if layout.wrap and line.count(" ") > 8 else line
        if layout.letter_spaced:
            line = re.sub(f"(?<={_HAN})(?={_HAN})", " ", line)
        if layout.noise:
            line = " ".join(line[i : i + 13] for i in range(0, len(line), 13))
        if layout.wrap and len(line) > layout.wrap:
            first = "　　" if layout.indent else ""
            line = (
                "\n".join(textwrap.wrap(first + line, layout.wrap, break_on_hyphens=False, drop_whitespace=False))
                if line.isascii()
                else ("\n".join((first + line)[i : i + layout.wrap] for i in range(0, len(first + line), layout.wrap)))
            )
        done.append(line)
    return "\n\n".join(done)
