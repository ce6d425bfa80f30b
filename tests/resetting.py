"""The sample pages set again in other layouts, with their truth moved along.

What the splitter has learnt by heart fails here. ``reset`` takes a page's true structure (``articles.json`` of the gold
folder) and prints it anew: headings marked otherwise or not at all, lines wrapped, letters spaced, bylines at the end,
articles in another order or left out, people and places renamed.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import rjieba

Gold = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a page is set. ``heads`` marks headlines, ``sections`` the section headings of the two levels.

    A mark may hold ``一`` or ``1``, which are counted, and ``…`` where the heading's words stand (else at its end).
    """

    name: str
    heads: str = ""
    sections: tuple[str, str] = ("", "●")
    lines: int = 1
    """Lines that a headline is set in."""
    wrap: int = 0
    """Characters of a print line; 0 for a paragraph a line."""
    indent: str = ""
    letter_spaced: bool = False
    noise: bool = False
    """A blank where each print line of the newspaper ended."""
    byline: str = "start"
    """start, line, beside (the headline), end in brackets, end on a line."""
    breaks: str = "kept"
    """Column breaks and the places of pictures: kept, even (no place of a picture), mended."""
    headers: str = "full"
    """full, or headline only (no kickers, no subheads)."""
    order: str = "kept"
    """kept, shuffled, every other."""
    renamed: bool = False
    full_width: bool = False
    blank_lines: str = "one"
    """Between paragraphs: one, none, three."""
    line_end: str = "\n"
    pages: int = 1
    """Pages of the newspaper in a file."""


LAYOUTS = (
    Layout("as printed"),
    Layout("Markdown, all headings", heads="# ", sections=("## ", "### ")),
    Layout("Markdown, second level", heads="## ", sections=("### ", "#### "), breaks="even"),
    Layout("Markdown, bold headings", heads="## ", sections=("**…**", "**…**"), breaks="even"),
    Layout("Windows line ends", line_end="\r\n"),
    Layout("no places of pictures", breaks="even"),
    Layout("no column breaks", breaks="mended"),
    Layout("diamonds", sections=("", "◆")),
    Layout("triangles with blanks", sections=("", "▲ ")),
    Layout("squares and diamonds", sections=("■", "◆")),
    Layout("numbers 一、 and 1.", sections=("一、", "1.")),
    Layout("numbers 一、 and （一）", sections=("一、", "（一）"), breaks="even"),
    Layout("headings in 【】", sections=("【…】", "●")),
    Layout("tabs before headings", heads="\t", sections=("\t", "\t●")),
    Layout("hard-wrapped columns", wrap=18),
    Layout("hard-wrapped, wide, indented", wrap=30, indent="　　"),
    Layout("hard-wrapped, indented, no blank lines", wrap=30, indent="　　", blank_lines="none", breaks="mended"),
    Layout("a paragraph a line, no blank lines", blank_lines="none", breaks="mended"),
    Layout("a paragraph a line, indented", blank_lines="none", indent="　　", breaks="mended"),
    Layout("every line break doubled", blank_lines="three"),
    Layout("print-line blanks", noise=True),
    Layout("letter-spaced", letter_spaced=True),
    Layout("headlines in two lines", lines=2),
    Layout("headline only", headers="headline only"),
    Layout("byline in brackets at the end", byline="end in brackets"),
    Layout("byline on a line at the end", byline="end on a line"),
    Layout("byline on a line below the headline", byline="line"),
    Layout("byline beside the headline", byline="beside"),
    Layout("other order", order="shuffled"),
    Layout("every other article", order="every other"),
    Layout("other names", renamed=True),
    Layout("full-width punctuation", full_width=True),
    Layout("two pages in a file", pages=2),
)

_HAN = "[\u4e00-\u9fff]"
_NAMES = re.compile(r"(?:记者|通讯员)[^）)*]*")
_COUNTED = "一二三四五六七八九十"
_FULL_WIDTH = {ord(","): "，", ord("("): "（", ord(")"): "）", ord(":"): "：", ord("!"): "！"}


class _Printer:
    """The page so far; ``put`` gives where its text stands."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, text: str) -> int:
        start = len(self.text)
        self.text += text
        return start


def reset(sources: Sequence[str], golds: Sequence[Gold], layout: Layout) -> list[tuple[str, Gold]]:
    """The pages in the layout, each with its truth in the shape of the gold file's."""
    pages = [
        _page(*(_renamed(source, gold) if layout.renamed else (source, gold)), layout)
        for source, gold in zip(sources, golds, strict=True)
    ]
    groups = [pages[i : i + layout.pages] for i in range(0, len(pages), layout.pages)]
    return [_finished(*_together(group), layout) for group in groups]


def _page(source: str, gold: Gold, layout: Layout) -> tuple[str, Gold]:
    printer = _Printer()
    articles = list(gold["articles"])
    if layout.order == "shuffled" and not any(article.get("headless") for article in articles):
        random.Random(7).shuffle(articles)
    elif layout.order == "every other":
        articles = articles[::2]
    for noise in gold["noise"]:
        if noise.get("belongs_to") and noise["start_char"] < articles[0]["start_char"]:
            printer.put(("\n\n\n\n" if layout.breaks == "kept" else "\n\n") + noise["text"])
    printed, furniture = [], []
    for article in articles:
        printed.append(_article(printer, source, gold, article, layout))
        following = min(
            (other["start_char"] for other in gold["articles"] if other["start_char"] >= article["end_char"]),
            default=-1,
        )
        for noise in gold["noise"]:
            if noise["kind"] in {"advertisement", "page_furniture"} and (
                article["end_char"] <= noise["start_char"] and noise["end_char"] <= following
            ):
                printer.put("\n\n" if noise["kind"] == "advertisement" else "\n")
                start = printer.put(noise["text"])
                furniture.append({"start_char": start, "end_char": len(printer.text), "kind": noise["kind"]})
    return printer.text, {"file": gold["file"], "articles": printed, "noise": furniture}


def _article(printer: _Printer, source: str, gold: Gold, article: Gold, layout: Layout) -> Gold:
    found: Gold = {"headline": article["headline"], "sections": []}
    byline = article["byline"] or ""
    names = _NAMES.search(byline)
    run_in = bool(article.get("byline_start")) and byline.startswith("本报讯")
    own_line = bool(byline) and not run_in and article["byline_end"] < article["sections"][0]["end_char"] - 60
    moves = layout.byline != "start" and run_in and names is not None
    moved = f"本报{names[0].strip()}" if names else ""
    printer.put("\n\n")
    start = len(printer.text)
    if article["kicker"] and layout.headers == "full":
        label = "■" if source[article["kicker_start"] - 1] == "■" else ""
        printer.put(f"{label}{article['kicker']}\n\n")
    else:
        start = -1
    if article["headline"]:
        at = printer.put(layout.heads)
        found["headline_start"] = printer.put(_headline(article["headline"], layout))
        start = at if start < 0 else start
        if layout.byline == "beside" and (own_line or moves):
            printer.put(f"  {byline if own_line else moved}")
        printer.put("\n\n")
    if article["subhead"] and layout.headers == "full":
        printer.put(f"{article['subhead']}\n\n")
    if own_line and layout.byline != "beside":
        printer.put(f"{byline}\n\n")
    elif moves and layout.byline == "line":
        printer.put(f"{moved}\n\n")
    counts = [0, 0]
    for section in article["sections"]:
        if section.get("kind") != "captions":
            if found["sections"]:
                printer.put("\n\n")
            body_of = byline if moves else ""
            found["sections"].append(_section(printer, source, gold, section, layout, counts, byline=body_of))
    if moves and layout.byline.startswith("end") and names:
        printer.put(f"（{names[0].strip()}）" if layout.byline == "end in brackets" else f"\n\n{moved}")
    found["start_char"] = start if start >= 0 else found["sections"][0]["start_char"]
    found["end_char"] = len(printer.text)
    return found


def _headline(headline: str, layout: Layout) -> str:
    if layout.lines == 2 and len(headline) > 12:
        middle = len(headline) // 2
        return f"{headline[:middle]}\n{headline[middle:]}"
    return _spaced(headline, layout)


def _section(
    printer: _Printer, source: str, gold: Gold, section: Gold, layout: Layout, counts: list[int], *, byline: str
) -> Gold:
    """Print the section; ``byline`` is a run-in one that the layout has moved elsewhere."""
    found: Gold = {"start_char": len(printer.text)}
    start = section["start_char"]
    if section.get("heading"):
        level = 1 if source[section["heading_start"] - 1] in "●■ " or section.get("level", 1) == 2 else 0
        counts[level] += 1
        counts[1] = counts[1] if level else 0
        before, _, after = layout.sections[level].partition("…")
        printer.put(before.replace("一", _counted(counts[level])).replace("1", str(counts[level])))
        found["heading_start"] = printer.put(_spaced(section["heading"], layout))
        printer.put(f"{after}\n\n")
        start = section["heading_end"]
    body = source[start : section["end_char"]].strip()
    for noise in gold["noise"]:
        if section["start_char"] < noise["start_char"] < section["end_char"] and not noise.get("belongs_to"):
            body = body.replace(noise["text"], "")
    if byline:
        body = body.replace(f"**{byline}**", "").replace(byline, "").strip()
    body = _body(body, layout)
    at = printer.put(body) + len(body) - len(body.lstrip())
    if "heading_start" not in found:
        found["start_char"] = at
    found["end_char"] = len(printer.text)
    return found


def _counted(number: int) -> str:
    return _COUNTED[number - 1] if number <= 10 else f"十{_COUNTED[number - 11]}"


def _spaced(text: str, layout: Layout) -> str:
    return re.sub(f"(?<={_HAN})(?={_HAN})", " ", text) if layout.letter_spaced else text


def _body(text: str, layout: Layout) -> str:
    if layout.breaks != "kept":
        text = re.sub(r"\n{3,}", "\n\n", text)
    if layout.breaks == "mended":
        text = re.sub(rf"(?<=[\w，,、])\n\n(?={_HAN})", "", text)
    return "\n\n".join(_paragraph(paragraph, layout) for paragraph in text.split("\n\n"))


def _paragraph(line: str, layout: Layout) -> str:
    if layout.wrap and line.count(" ") > 8:
        line = re.sub(f"(?<={_HAN}) (?={_HAN})", "", line)
    line = _spaced(line, layout)
    if layout.noise:
        line = " ".join(line[i : i + 13] for i in range(0, len(line), 13))
    if len(line) > 18 or line.endswith("。"):
        line = layout.indent + line
    if layout.wrap and len(line) > layout.wrap:
        line = "\n".join(line[i : i + layout.wrap] for i in range(0, len(line), layout.wrap))
    return line


def _finished(text: str, page: Gold, layout: Layout) -> tuple[str, Gold]:
    """The page with its punctuation and line ends set; the truth's places follow."""
    if layout.full_width:
        text = text.translate(_FULL_WIDTH)
    if layout.blank_lines == "none":
        text, page = _replaced(text, page, "\n{2,}", lambda _: "\n")
    if layout.blank_lines == "three":
        text, page = _replaced(text, page, "\n", lambda _: "\n\n")
    if layout.line_end != "\n":
        text, page = _replaced(text, page, "\n", lambda _: layout.line_end)
    return text, page


def _replaced(text: str, page: Gold, pattern: str, new: Callable[[str], str]) -> tuple[str, Gold]:
    """Every match replaced, and the truth's places moved by as much as the text before them has grown."""
    done, ends, grown = [], [0], [0]
    last = 0
    for match in re.finditer(pattern, text):
        replacement = new(match[0])
        done += [text[last : match.start()], replacement]
        last = match.end()
        ends.append(last)
        grown.append(grown[-1] + len(replacement) - len(match[0]))
    moved = _moved(page, lambda place: place + grown[bisect_right(ends, place) - 1])
    return "".join([*done, text[last:]]), moved


def _moved(value: Any, move: Callable[[int], int]) -> Any:
    if isinstance(value, dict):
        return {
            key: move(item)
            if isinstance(item, int) and key.endswith(("_char", "_start", "_end"))
            else _moved(item, move)
            for key, item in value.items()
        }
    return [_moved(item, move) for item in value] if isinstance(value, list) else value


def _together(pages: Sequence[tuple[str, Gold]]) -> tuple[str, Gold]:
    """The pages one after another, as one file under the first one's name."""
    text, whole = "", {"file": pages[0][1]["file"], "articles": [], "noise": []}
    for page, gold in pages:
        text += "\n\n" if text else ""
        moved = _moved(gold, len(text).__add__)
        whole["articles"] += moved["articles"]
        whole["noise"] += moved["noise"]
        text += page
    return text, whole


# Family names, given names and place names of no sample page in particular; replaced names keep their length.
_FAMILY = "钱孙郑卫蒋沈尤许施孔严华金魏姜戚谢邹喻柏窦章云苏潘葛范彭鲁韦昌苗凤花方俞任袁柳唐罗薛雷贺倪汤"
_GIVEN = "文武光明志远春秋雪梅玉兰思宇子涵海涛建国晓东立新俊杰雅静佳怡国强丽华小平永红"
_PLACES = ("青川", "临江", "白石", "云岭", "南溪", "宁远", "松阳", "东湖", "西塘", "长乐", "新安", "平湖")


def _renamed(source: str, gold: Gold) -> tuple[str, Gold]:
    """Every person and place that jieba finds under another name of the same length, on the page and in its truth."""
    chance = random.Random(gold["file"])
    names: dict[str, str] = {}
    for word, tag in rjieba.tag(source):
        if tag in {"nr", "ns"} and 2 <= len(word) <= 3 and re.fullmatch(f"{_HAN}+", word) and word not in names:
            if tag == "nr":
                names[word] = chance.choice(_FAMILY) + "".join(chance.choices(_GIVEN, k=len(word) - 1))
            else:
                names[word] = chance.choice(_PLACES) + word[2:]
    if not names:
        return source, gold
    known = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))

    def rename(value: Any) -> Any:
        if isinstance(value, str):
            return known.sub(lambda match: names[match[0]], value)
        if isinstance(value, dict):
            return {key: item if key in {"file", "kind"} else rename(item) for key, item in value.items()}
        return [rename(item) for item in value] if isinstance(value, list) else value

    return rename(source), rename(gold)
