"""Evidence: what speaks for and against the chosen candidate, as the numbers that the verdict is made of."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.answer.candidates import block, layout
from qa.answer.features import Source
from qa.answer.kinds import KINDS, Expected, counted
from qa.answer.matching import best_partners
from qa.answer.meaning import Wanted, shipped
from qa.answer.ranker import Choice
from qa.answer.rivals import of_other_years
from qa.hits import Hit
from qa.retrieve import Retrieved
from qa.store import StoredPassage

FOREIGN = 0.45
"""Share of a question's terms that the corpus holds below which it counts as one in another language: qa.hits has the
measurements."""
FAR = 0.15
"""Cosine below which a passage in another language is too far from a question to be claimed as its answer. With the
embedded model 18 of the 20 English and Japanese dev questions have more, eight off-topic and nonsense ones at most
0.14. Models whose cosines are all large are never below it."""
LEADING = 3
"""Hits whose scores are compared, whatever ``top_k`` is."""
_FIGURE = regex.compile(r"[\d一二三四五六七八九十百千万两几半]")
_NAMES = ("ns", "nt", "eng")
"""Tags of names in a Chinese question, of three characters and more: shorter ones are often no names (上岗, 离京)."""
_HAN = regex.compile(r"\p{Han}")
_OTHER_SCRIPT = regex.compile(r"^\P{Han}*$|[\p{Hiragana}\p{Katakana}]")


def evidence(
    asked: Expected,
    found: Retrieved,
    hits: Sequence[Hit],
    source: Source,
    choice: Choice,
    passage: StoredPassage,
    wanted: Wanted,
) -> dict[str, float]:
    """Measures by name, each about 0 to 1 but for scores and margins."""
    idf = found.idf
    above, seen = layout(passage.above), layout(passage.text)
    head, whole_passage = above.folded, f"{above.folded}\n{seen.folded}"
    values = {value for value, _, _ in (*above.values, *seen.values)}
    first, last = source.block.layout.sentences[choice.sentence].tolist()
    sentence = f"{head}\n{source.block.layout.folded[first:last]}"
    text = source.block.layout.folded[choice.start : choice.end]
    whole = sum(idf.values()) or 1.0
    unknown = math.log(1 + (found.searched + 0.5) / 0.5) - 1e-6
    spelt = {wanted.words[i] for i in wanted.spellings}
    # A story's names are the asker's own; those of an earlier question are what is talked of.
    naming = asked.folded if asked.folded[: asked.own].rstrip().endswith("?") else asked.folded[asked.own :]
    tagged = rjieba.tag(naming) if _HAN.search(naming) else ()
    names = [word for word, tag in tagged if tag in _NAMES and len(word) > 2 and word not in spelt]
    scores = [hit.score for hit in hits[:LEADING]]
    cosines = [hit.cosine for hit in hits[:LEADING]]
    leads = hits[source.passage]
    foreign = float(found.coverage < FOREIGN and _OTHER_SCRIPT.search(asked.folded) is not None)
    z = float(source.cosines.max())
    margin = cosines[0] - sum(cosines[1:]) / max(len(cosines) - 1, 1) if len(cosines) > 1 else 0.0
    measures = {
        "coverage": found.coverage,
        "unknown": sum(weight for weight in idf.values() if weight >= unknown) / whole,
        "gap": scores[0] - scores[1] if len(scores) > 1 else 0.0,
        "lexical_first": 1 / leads.lexical_rank if leads.lexical_rank else 0.0,
        "dense_first": 1 / leads.dense_rank if leads.dense_rank else 0.0,
        "margin": margin,
        "nearness": z,
        "passage_share": sum(weight for term, weight in idf.items() if term in whole_passage or term in values) / whole,
        "sentence_share": sum(weight for term, weight in idf.items() if term in sentence or term in values) / whole,
        "names": float(bool(names)),
        "names_missing": _missing(names, whole_passage),
        "names_far": _missing(names, sentence),
        "below_first": min(source.passage, 2) / 2,
        "holds": choice.holds,
        "overlap": choice.overlap,
        "exact": choice.exact,
        "surely": math.log((choice.holds + 1e-3) / (1.001 - choice.holds)),
        "score": choice.score,
        "widened": float(choice.widened),
        "length": math.log(len(text)),
        "no_figure": float(asked.kind in {"number", "date"} and not _FIGURE.search(text)),
        "no_unit": float(lacks_unit(asked, source, choice)),
    }  # fmt: skip
    measures |= _told(asked, source, choice, passage, wanted)
    measures |= {f"kind_{kind}": float(asked.kind == kind) for kind in KINDS}
    measures["foreign"] = foreign
    measures["far"] = foreign * float(leads.cosine < FAR and not _is_named(passage, wanted))
    measures["bare"] = float(is_bare(asked, found.words))
    measures["other_year"] = float(of_other_years(asked, passage))
    for name in ("holds", "score", "nearness", "margin", "dense_first", "told", "untold", "names_untold"):
        measures[f"foreign_{name}"] = foreign * measures[name]
    return measures


def is_bare(asked: Expected, words: Collection[str]) -> bool:
    """Whether the question only names something (口罩), or asks without naming anything (什么): no text answers it."""
    gap = asked.folded[asked.start : asked.end].strip("？?")
    if not gap:
        return len(words) < 2
    return all(word in gap or gap in word for word in words)


def _told(asked: Expected, source: Source, choice: Choice, passage: StoredPassage, wanted: Wanted) -> dict[str, float]:
    """How much of what the question's words mean is told by the passage and by the sentence, lines above included.

    ``untold`` is the weight of the words that nothing there is like; ``names_untold`` the share of those names.
    ``untold_count`` says that what is counted is told nowhere: no masks, where it is asked how many.
    """
    if not len(wanted.words):
        return {
            "told": 0.0,
            "told_sentence": 0.0,
            "untold": 1.0,
            "untold_sentence": 1.0,
            "names_untold": 0.0,
            "untold_count": 0.0,
        }
    meanings = shipped()
    above = [meanings.similar(wanted, block(line)) for line in passage.above.splitlines() if line.strip()]
    head = np.maximum.reduce([np.zeros(len(wanted.words)), *(each.max(1) for each in above)])
    whole = np.maximum(head, meanings.similar(wanted, block(passage.text)).max(1, initial=0.0))
    sentence = source.block.layout.sentences[choice.sentence : choice.sentence + 1]
    told = np.maximum(head, best_partners(source.similar, source.block, sentence)[:, 0])
    names, noun = whole[list(wanted.names)], counted(asked)
    return {
        "told": float(wanted.weights @ whole),
        "told_sentence": float(wanted.weights @ told),
        "untold": float(wanted.weights @ (whole < UNLIKE)),
        "untold_sentence": float(wanted.weights @ (told < UNLIKE)),
        "names_untold": float((names < UNLIKE).mean()) if len(names) else 0.0,
        "untold_count": float(noun in wanted.words and whole[wanted.words.index(noun)] < UNCOUNTED),
    }


def _is_named(passage: StoredPassage, wanted: Wanted) -> bool:
    """Whether the passage, or what stands above it, holds a Chinese name that the question spells in Latin letters."""
    whole = shipped().similar(wanted, block(f"{passage.above}\n{passage.text}")) if wanted.spellings else None
    return whole is not None and bool((whole[list(wanted.spellings)].max(1, initial=0.0) >= 1).any())


UNLIKE = 0.15
"""Likeness (squared cosine) below which a word is told by nothing. Other borders are unmeasured."""
UNCOUNTED = 0.12
"""The same for what is counted. Of 169 answers on CMRC 2018, DRCD and XQuAD to questions that count something, 19 are
below, none of them right; with 0.2 it would be 23, two of them right (客人 told as 嘉宾)."""


def _missing(names: Sequence[str], text: str) -> float:
    """Share of the names of which not even the beginning stands in the text (东城 is enough of 东城区)."""
    return sum(name[: max(2, len(name) - 1)] not in text for name in names) / len(names) if names else 0.0


def lacks_unit(asked: Expected, source: Source, choice: Choice) -> bool:
    """A figure was asked for by its measure word, and none with this word stands in or behind the candidate.

    What a telephone or an account is known by is a run of figures, of four at least, that counts nothing (8000个).
    """
    if _IDENTIFIER.search(asked.folded[: asked.start]) or _IDENTIFIER_EN.search(asked.folded):
        text = source.block.layout.folded[choice.start : choice.end + 1]
        return not _NUMBERED.search(text)
    if asked.kind != "number" or not regex.match(r"\p{Han}", asked.units) or asked.units == "个":
        return False
    if not _HAN.search(asked.folded):  # what English counts may be told by other measure words, or by none: 22万会员
        return False
    units = _PEOPLE if asked.units in _PEOPLE else asked.units
    around = source.block.layout.folded[choice.start : choice.end + 2]
    return not any(unit in around for unit in units)


_IDENTIFIER = regex.compile(r"(?:(?:号码|编号|账号|邮编|密码)(?:是|为)?|(?:电话|手机|传真)(?:是|为))$")
_NUMBERED = regex.compile(r"(?<!\d)\d[\d\- ]{3,}(?![\d\- ]|(?!转)\p{Han})")
_IDENTIFIER_EN = regex.compile(
    r"\b(?:phone|telephone|fax|account|registration|serial) number\b|\bpostcode\b|電話番号|郵便番号"
)
_PEOPLE = "名位人个"
"""Measure words of people: who is asked for by one is told by another."""


def missing_terms(words: Sequence[str], idf: Mapping[str, float], searched: int) -> list[str]:
    """Which of the question's words stand nowhere in the corpus, in their order."""
    unknown = math.log(1 + (searched + 0.5) / 0.5) - 1e-6
    return [word for word in dict.fromkeys(words) if len(word) > 1 and idf.get(word, 0.0) >= unknown]
