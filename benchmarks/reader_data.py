"""What the reader learns from: questions, each with a text that answers, where in it, and another text beside it.

* CMRC 2018's training questions (ymcui/cmrc2018, CC BY-SA 4.0), and those of its trial set that ../shared/train holds:
  the others overlap with the evaluation sets, which are its validation set and others.
* CMRC 2017's questions by people (ymcui/cmrc2017, validation, CC BY-SA 4.0), about stories for children.
* JaQuAD (SkelterLabsInc/JaQuAD, CC BY-SA 3.0) and JSQuAD (yahoojapan/JGLUE, validation and test, CC BY-SA 4.0):
  Japanese questions about Wikipedia, many reworded on purpose.
* English questions about Wikipedia: SQuADShifts' new Wikipedia (CC BY 4.0), and some of SQuAD 1.1's training questions
  (CC BY-SA 4.0).
* Made of these: follow-ups of CMRC 2018's questions (the passage's earlier question, then this one without the words
  that both have), and its questions in English words, each looked up in the dictionary of ../shared/train.
* Gaps: a clause of a Chinese text of ../shared/train with a word, name or figure taken out and asked for, some of its
  other words left out.
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.kinds import KINDS, expected
from qa.answer.reader import QUESTION_TOKENS, parts, tokenised
from qa.text import fold_text, sentences

TRAIN = Path(__file__).parents[2] / "shared" / "train"
TEXT_TOKENS = 320
"""Longest piece of a text that is kept, with the answer somewhere in it."""
Article = Mapping[str, Any]
"""As SQuAD has it: ``paragraphs`` with ``context`` and ``qas``, these with ``question`` and ``answers``."""
GAPS = {"laws": 5000, "classic": 7000, "tico-19-doc": 723, "oiwiki": 1500, "cmrc-trial": 245, "iot": 500}
"""Gaps made from the texts of each source; see ../shared/train/README.md for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A question and where its answer stands. Tokens are numbers of the embedded model's vocabulary."""

    source: str
    question: Sequence[int]
    parts: Sequence[int]
    """Of the question's tokens: see ``qa.answer.reader.parts``."""
    kind: int
    text: Sequence[int]
    answers: Sequence[tuple[int, int]]
    """First and last token of each right answer."""
    other: Sequence[int]
    """A text beside it that doesn't answer; may be empty."""


class Maker:
    """Makes examples; what is drawn at random comes from one generator."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def example(
        self, source: str, question: str, text: str, answers: Sequence[tuple[int, int]], other: str
    ) -> Example | None:
        """An example of folded texts with the answers' places in characters; None when they are out of reach."""
        asked = expected(question)
        told = tokenised().of(asked.folded)
        tokens = tokenised().of(text)
        spans = []
        for low, high in answers:
            first = int((tokens.spans[:, 1] <= low).sum())
            last = int((tokens.spans[:, 0] < high).sum()) - 1
            if first <= last:
                spans.append((first, last))
        if not spans or not len(told.ids):
            return None
        ids, spans = self._cut(tokens.ids.tolist(), spans)
        if not spans:  # an answer as long as what is kept
            return None
        beside, _ = self._cut(tokenised().of(other).ids.tolist() if other else [], [])
        part = parts(asked, told.spans)
        kind = KINDS.index(asked.kind)
        return Example(
            source,
            told.ids[-QUESTION_TOKENS:].tolist(),
            part[-QUESTION_TOKENS:].tolist(),
            kind,
            ids,
            spans,
            beside,
        )

    def _cut(self, ids: list[int], spans: list[tuple[int, int]]) -> tuple[list[int], list[tuple[int, int]]]:
        if len(ids) <= TEXT_TOKENS:
            return ids, spans
        last = len(ids) - TEXT_TOKENS
        if spans:
            low = min(max(spans[0][0] - self._random.randrange(40, TEXT_TOKENS - 60), 0), last)
        else:
            low = self._random.randrange(last + 1)
        kept = [(a - low, b - low) for a, b in spans if a >= low and b < low + TEXT_TOKENS]
        return ids[low : low + TEXT_TOKENS], kept

    def squad(self, source: str, articles: Sequence[Article]) -> Iterator[Example]:
        """Examples of articles as SQuAD has them; the text beside is another paragraph of the article."""
        for text, other, question, places in self._questions(articles):
            if made := self.example(source, question, text, places, other):
                yield made

    def follow_ups(self, articles: Sequence[Article]) -> Iterator[Example]:
        """Each question behind the one before it of the same text, without the words that both have."""
        before = "", ""
        for text, other, question, places in self._questions(articles):
            earlier, before = before[1] if before[0] == text else "", (text, question)
            follow = follow_up(earlier, question)
            if follow and (made := self.example("follow-ups", follow, text, places, other)):
                yield made

    def glosses(self, articles: Sequence[Article], dictionary: Mapping[str, Sequence[str]]) -> Iterator[Example]:
        """The questions in English words, one after another as they come."""
        for text, other, question, places in self._questions(articles):
            glossed = self.gloss(question, dictionary)
            if glossed and (made := self.example("glosses", glossed, text, places, other)):
                yield made

    def gloss(self, question: str, dictionary: Mapping[str, Sequence[str]]) -> str | None:
        """The words behind the question word, then those before it; None where two in five can't be looked up."""
        folded = fold_text(question)
        asking = next(((match, word) for pattern, word in _ASKING if (match := pattern.search(folded))), None)
        if asking is None:
            return None
        match, first = asking
        words = [
            word
            for part in (folded[match.end() :], folded[: match.start()])
            for word, _ in rjieba.tag(part)
            if regex.search(r"\w", word) and word not in _PARTICLES
        ]
        found = [word for word in words if word in dictionary or word.isascii()]
        if not found or len(found) < 0.6 * len(words):
            return None
        told = [word if word.isascii() else self._random.choice(dictionary[word]) for word in found]
        return f"{first} {' '.join(_TO.sub('', word).strip() for word in told)}?"

    def _questions(self, articles: Sequence[Article]) -> Iterator[tuple[str, str, str, list[tuple[int, int]]]]:
        """Text, another one, question, places of the answers in the text."""
        for article in _with_neighbours(articles):
            texts = [fold_text(paragraph["context"]) for paragraph in article["paragraphs"]]
            for number, (text, paragraph) in enumerate(zip(texts, article["paragraphs"], strict=True)):
                for row in paragraph["qas"]:
                    places = _places(text, paragraph["context"], row["answers"])
                    others = [i for i in range(len(texts)) if i != number]
                    other = texts[self._random.choice(others)] if others else ""
                    if places and text[slice(*places[0])] in other:
                        other = ""
                    if places:
                        yield text, other, row["question"], places

    def gaps(self, texts: dict[str, list[str]]) -> Iterator[Example]:
        """Gaps in the texts of each source, as many as GAPS says."""
        for source, number in GAPS.items():
            pool = [text for text in texts.get(source, ()) if 60 < len(text) < 600]
            self._random.shuffle(pool)
            made = 0
            for text in pool:
                if made < number and (found := self.gap(fold_text(text), fold_text(self._random.choice(pool)))):
                    made += 1
                    yield found

    def gap(self, text: str, other: str) -> Example | None:
        """A question made of a clause of ``text``; None where nothing can be asked for."""
        parts_ = sentences(text)
        if len(parts_) < 2:
            return None
        start, end = self._random.choice(parts_)
        clauses = [match.span() for match in _CLAUSE.finditer(text, start, end) if len(match.group()) >= 7]
        if not clauses:
            return None
        place = self._random.randrange(len(clauses))
        low, high = clauses[place]
        words, at = [], low
        for word, tag in rjieba.tag(text[low:high]):
            words.append((word, tag, at, at + len(word)))
            at += len(word)
        askable = list(self._askable(text, words, low, high))
        if not askable:
            return None
        first, last, asking, _ = self._random.choices(askable, [each[3] for each in askable])[0]
        left = self._thinned([word for word, _, _, past in words if past <= first], 0.15)
        right = self._thinned([word for word, _, begin, _ in words if begin >= last], 0.15)
        around = ""
        beside = clauses[place - 1] if place else clauses[1] if len(clauses) > 1 else None
        if beside and (self._random.random() < 0.5 or len(left + right) < 6):
            around = self._thinned([word for word, _ in rjieba.tag(text[slice(*beside)])], 0.25)
        if len(left + right + around) < 4:
            return None
        body = left + asking + right
        if right and asking in {"什么", "谁", "多少", "哪里"} and self._random.random() < 0.3:
            body = left + right + self._random.choice(["的是", "是"]) + asking
        return self.example("gaps", f"{around},{body}?" if around else f"{body}?", text, [(first, last)], other)

    def _thinned(self, words: Sequence[str], share: float) -> str:
        return "".join(word for word in words if self._random.random() > share)

    def _askable(
        self, text: str, words: Sequence[tuple[str, str, int, int]], low: int, high: int
    ) -> Iterator[tuple[int, int, str, float]]:
        """What can be asked for in a clause: start, end, the words that ask, how often it should be."""
        for i, (word, tag, start, end) in enumerate(words):
            if tag in _ASKED_BY and len(word) > 1:
                yield start, end, self._random.choice(_ASKED_BY[tag]), 4
            elif tag == "m":
                last = i
                while last + 1 < len(words) and words[last + 1][1] in {"m", "q"}:
                    last += 1
                figure = text[start : words[last][3]]
                if regex.search("[年月日]", figure):
                    yield start, words[last][3], self._random.choice(_ASKED_BY["t"]), 4
                elif figure not in {"一", "一个", "一些", "一种"}:
                    unit = words[last][0] if last > i and self._random.random() < 0.7 else ""
                    yield start, words[last][3], f"多少{unit}", 4
            elif tag in {"n", "vn", "l", "i"} and len(word) > 1:
                first = i
                while (
                    first
                    and words[first - 1][1] in {"n", "vn", "a", "b", "ns", "nz"}
                    and end - words[first - 1][2] <= 12
                ):
                    first -= 1
                yield words[first][2], end, "什么", 1
            elif tag == "v" and len(word) > 1 and i < len(words) - 2:
                yield start, high, self._random.choice(["怎么样", "做了什么", "干什么"]), 0.7
        for match in _QUOTED.finditer(text, low, high):
            yield match.start(), match.end(), self._random.choice(["什么", "哪部作品", "哪份文件"]), 4
        for match in _LISTED.finditer(text, low, high):
            yield match.start(), match.end(), self._random.choice(["哪些", "什么"]), 4


_CLAUSE = regex.compile(r"[^,:。;!?…—]+")
_QUOTED = regex.compile(r"《[^》]{1,30}》|\"[^\"]{1,20}\"")
_LISTED = regex.compile(r"\w{2,8}(?:、\w{2,8})+")
_ASKING = tuple(
    (regex.compile(pattern), word)
    for pattern, word in (
        (r"什么时候|何时|哪一?年|哪一?天|几时", "when"),
        (r"多少|几", "how many"),
        (r"谁|哪位|何人", "who"),
        (r"哪里|哪儿|何处|什么地方|在哪", "where"),
        (r"为什么|为何|因何", "why"),
        (r"怎么样?|如何", "how"),
        (r"哪[一个家些所种部支]*", "which"),
        (r"什么|何|啥", "what"),
    )
)
_PARTICLES = frozenset("的了吗呢是在和个")
_TO = regex.compile(r"^(?:to|the|a|an) |\(.*?\)")
_ASKED_BY = {
    "nr": ("谁", "哪位", "什么人"),
    "ns": ("哪里", "什么地方", "哪个地方"),
    "nt": ("哪个机构", "哪个单位", "什么组织"),
    "nz": ("什么",),
    "t": ("什么时候", "何时", "哪一年"),
}


def follow_up(earlier: str, question: str) -> str | None:
    """The question behind an earlier one of the passage, without the words that both have; None if there are none."""
    asked = expected(question)
    if not earlier or not regex.search(r"\p{Han}", question) or regex.search(r"[\p{Hiragana}\p{Latin}]{4}", question):
        return None
    gap = asked.folded[asked.start : asked.end]
    known = {word for word, tag in rjieba.tag(fold_text(earlier)) if tag[0] in "nvjlisztb"}
    left = "".join(word for word, _ in rjieba.tag(asked.folded) if word not in known or word in gap)
    return f"{earlier} {left}" if left != asked.folded and len(left) > 3 else None


def _places(text: str, printed: str, answers: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Where the answers stand in the folded text: nearest to the place that the first names, or wherever they do."""
    wanted = [found for found in (fold_text(answer["text"]).strip("。，,. ") for answer in answers) if found]
    found = [match.span() for each in wanted for match in regex.finditer(regex.escape(each), text)]
    told = answers[0].get("answer_start") if answers else None
    if found and told is not None and told >= 0:
        near = len(fold_text(printed[:told]))
        return [min(found, key=lambda span: abs(span[0] - near))]
    return found


def _with_neighbours(articles: Sequence[Article]) -> Sequence[Article]:
    """The articles; those of one paragraph each, as CMRC has them, ten by ten, so that another text stands beside."""
    if any(len(article["paragraphs"]) > 1 for article in articles):
        return articles
    every = [paragraph for article in articles for paragraph in article["paragraphs"]]
    return [{"paragraphs": every[i : i + 10]} for i in range(0, len(every), 10)]


def read_squad(path: Path) -> list[Article]:
    """The articles of a file as SQuAD has it, or of all files ``*.json`` of a folder."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return [article for file in files for article in json.loads(file.read_text(encoding="utf-8"))["data"]]


def read_cmrc2017(folder: Path) -> list[Article]:
    """CMRC 2017's questions by people, from a checkout; an answer stands where it stands first."""
    lines = (folder / "validation" / "user.valid.answer").read_text(encoding="utf-8").splitlines()
    answers = dict(line.split(" ||| ", 1) for line in lines)
    paragraphs: dict[str, list[dict[str, Any]]] = {}
    text = ""
    for line in (folder / "validation" / "user.valid.doc_query").read_text(encoding="utf-8").splitlines():
        number, _, words = line.partition(" ||| ")
        told = words.replace(" ", "")
        if not number.startswith("<qid"):
            text += told
        else:
            answer = answers[number].replace(" ", "")
            row = {"question": told, "answers": [{"text": answer, "answer_start": text.find(answer)}]}
            paragraphs.setdefault(text, []).append(row)
            text = ""
    return [{"paragraphs": [{"context": context, "qas": rows}]} for context, rows in paragraphs.items()]


def read_dictionary() -> dict[str, list[str]]:
    """English glosses of Chinese words, from ../shared/train."""
    found: dict[str, list[str]] = {}
    with lzma.open(TRAIN / "dictionary.tsv.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            _, language, gloss, word = line.rstrip("\n").split("\t")
            if language.startswith("zh") and len(gloss) < 30:
                found.setdefault(fold_text(word), []).append(gloss)
    return found


def read_trial(file: Path) -> list[Article]:
    """The articles of CMRC 2018's trial file with the questions that ../shared/train holds."""
    with lzma.open(TRAIN / "pairs.tsv.xz", "rt", encoding="utf-8") as lines:
        kept = {fold_text(line.split("\t")[1]) for line in lines if line.startswith("cmrc-trial\t")}
    articles = read_squad(file)
    for article in articles:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [row for row in paragraph["qas"] if fold_text(row["question"]) in kept]
    return articles


def read_texts() -> dict[str, list[str]]:
    """The Chinese texts of ../shared/train, by source."""
    texts: dict[str, list[str]] = {}
    with lzma.open(TRAIN / "texts.tsv.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            source, text = line.rstrip("\n").split("\t")
            texts.setdefault(source, []).append(text)
    return texts
