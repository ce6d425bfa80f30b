"""Terms: how passages and questions are cut for the lexical index.

Runs of Chinese and Japanese give every character, every pair of characters, and the words of three characters or more
that jieba's search mode finds; other scripts give whole words. A number gives its value, and its value with the
character behind it, so that 八千个, 8,000个 and 8000个 meet. docs/text.md has the measurements behind each choice.
"""

from __future__ import annotations

import hashlib
import operator
import re
import sys
import warnings
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import regex  # type: ignore[import-untyped]  # no stubs among the development tools
import rjieba

from qa.errors import UsageError
from qa.text.folding import Folded, fold, fold_text
from qa.text.keys import Held, Numbers, TermKeys, held, pair_keys
from qa.text.numerals import numbers

TERMS_VERSION = 1
"""Grows with every change of the terms that a text gives, so that indexes made before are rebuilt."""

_CJK = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
_OTHER_RUN = rf"[[\p{{L}}\p{{N}}]--[{_CJK}]](?:[[\p{{L}}\p{{M}}\p{{N}}]--[{_CJK}]]|[.,](?<=\d.)(?=\d))*"
_RUN = regex.compile(rf"(?P<cjk>[{_CJK}]+)|{_OTHER_RUN}", regex.V1)
_OTHER = regex.compile(_OTHER_RUN, regex.V1)
_ALL_CJK = regex.compile(rf"[{_CJK}]+")
_HAN = regex.compile(r"\p{Han}")
# Dropped from questions only: what asks rather than names. Particles, question words, the commonest function words.
_STOP_WORDS = """
    的 了 吗 呢 吧 啊 么 嘛 呀 是 在 和 与 及 或 被 把 将 对 从 向 由 以 于 为 而 则 也 都 就 还 又 之 其 所 等 着 过
    地 得 中 里 上 能 会 有 这 那 它 他 她 我 你 您 个 请 问 谁 哪 几 怎 何 什 这个 那个 一个 可以 能不能 有没有 是否
    什么 为什么 为何 哪些 哪个 哪里 哪儿 哪位 哪种 哪一 哪年 多少 多久 多大 怎么 怎样 怎么样 如何 何时 何地 何人 何种
    何处 何者
    the a an of in on at to for by and or is are was were be been do does did what which who whom whose when where
    why how many much s t i me my we us our you your
"""
_STOP = frozenset(_STOP_WORDS.split())
# What OpenCC turns a Traditional character into within phrases only (計畫 计划, 答覆 答复), or writers do (看著 看着):
# both forms give one term. These are the pairs that made a difference in ten million characters. Folding leaves them
# alone, for jieba should see 画家 and 覆盖 as they are.
_ONE_TERM = str.maketrans("画著藉覆瞭甦彷锺钜麽", "划着借复了苏仿钟巨么")
_TWO_FORMS = re.compile("[画著藉覆瞭甦彷锺钜麽]")
_FREQUENCY_DIGITS = 12
_Placed = tuple[str, int, int]
_Words = Callable[[str], list[_Placed]]
"""From a run to the words that search mode finds in it, which may overlap."""
_Split = Callable[[str], list[str]]
"""From a run to its words: those that search mode finds, in its order, or a division of the run."""


class Cut(NamedTuple):
    """A text cut once, to be asked which terms it has, without a list of them all."""

    words: tuple[str, ...]
    """As ``Terms.words`` gives them."""
    text: str
    """Folded, in the forms that terms have: a term of one or two Chinese characters stands somewhere in it."""
    joined: str
    """The words of Chinese and Japanese between bars, in the forms that terms have."""
    others: frozenset[str]
    """The terms in other scripts, and those of numbers."""


class Wanted(NamedTuple):
    """Terms of a question to look for in cuts, by how each is found.

    Of a Chinese word, search mode gives the pairs, the threes that are words, and the whole: so a term of three
    characters may stand within a word, and a longer one is one.
    """

    parts: tuple[str, ...]
    """Terms that are found in ``Cut.text``."""
    words: tuple[tuple[str, str], ...]
    """Terms that are found in ``Cut.joined``, with what is looked for."""
    others: tuple[str, ...]

    @classmethod
    def read(cls, terms: Iterable[str]) -> Wanted:
        """How these terms are found, each once."""
        parts, words, others = [], [], []
        for term in dict.fromkeys(terms):
            if not _ALL_CJK.fullmatch(term):
                others.append(term)
            elif len(term) < 3:
                parts.append(term)
            else:
                words.append((term, term if len(term) == 3 else f"|{term}|"))
        return cls(tuple(parts), tuple(words), tuple(others))

    def places(self, cuts: Sequence[Cut]) -> Iterator[tuple[str, list[int]]]:
        """Each term that is among ``Terms.passage`` of any of the texts, with the numbers of these texts, from 0."""
        texts, joined = [cut.text for cut in cuts], [cut.joined for cut in cuts]
        every = "\n".join(texts)  # most terms stand nowhere, and needn't be sought text by text
        sought = [(part, part, texts) for part in self.parts if part in every]
        sought += [(word, form, joined) for word, form in self.words]
        for term, form, among in sought:
            if found := [number for number, text in enumerate(among) if form in text]:
                yield term, found
        for term in self.others:
            if found := [number for number, cut in enumerate(cuts) if term in cut.others]:
                yield term, found


class TermsSource(NamedTuple):
    """The owner's files, and the version of the terms that were made of them."""

    dictionary: Path | None
    synonyms: Path | None
    version: str


class Terms:
    """How text is cut into index terms; one instance a process, safe to share between threads."""

    FILES: ClassVar = ("dictionary.txt", "synonyms.txt")
    """What an owner's folder may hold."""

    version: str
    """Changes whenever a text's terms would: ``TERMS_VERSION`` and a hash of the owner's dictionary and synonyms."""

    def __init__(self, dictionary: Path | None = None, synonyms: Path | None = None) -> None:
        """``dictionary``: words in jieba's format (word, frequency, tag; the last two optional), a word a line.

        ``synonyms``: a group a line, parted by blanks. Both UTF-8; empty lines are skipped.

        Raises:
            UsageError: CONFIG_VALUE with file and line when one can't be read.
        """
        self._dictionary, self._synonyms_file = dictionary, synonyms
        self._words: _Words
        self._overlapping: _Split
        self._split: _Split
        self._words, self._overlapping, self._split = _RJIEBA if dictionary is None else _jieba(dictionary)
        self._synonyms = [] if synonyms is None else _synonym_groups(synonyms)
        self.version = str(TERMS_VERSION)
        if dictionary is not None or synonyms is not None:
            own = [b"" if path is None else path.read_bytes() for path in (dictionary, synonyms)]
            self.version += "-" + hashlib.sha256(b"\0".join(own)).hexdigest()[:16]

    @property
    def source(self) -> TermsSource:
        """What another process of this machine makes the same terms of: see ``terms_of``."""
        source = TermsSource(self._dictionary, self._synonyms_file, self.version)
        _IN_USE[source] = self
        return source

    @classmethod
    def from_folder(cls, folder: Path | None) -> Terms:
        """Terms with the ``dictionary.txt`` and ``synonyms.txt`` of an owner's folder, of which one may be missing.

        Raises:
            UsageError: CONFIG_VALUE when the folder has neither, or as ``Terms`` does.
        """
        if folder is None:
            return cls()
        dictionary, synonyms = (folder / name for name in cls.FILES)
        if not dictionary.exists() and not synonyms.exists():
            raise UsageError(
                "CONFIG_VALUE", f"WENBAO_DICT={folder}: expected dictionary.txt or synonyms.txt there.", "WENBAO_DICT"
            )
        return cls(dictionary if dictionary.exists() else None, synonyms if synonyms.exists() else None)

    def passage(self, text: str) -> list[str]:
        """The terms of a passage, duplicates kept; none for a text without words."""
        return self._terms(fold_text(text))

    def held(self, texts: Sequence[str], owners: Sequence[int]) -> Held:
        """The terms of many texts, each text with its owner: those that ``passage`` gives, in a third of its time."""
        folded = [f"{fold_text(text)}\n" for text in texts]  # no term reaches over the end of a line
        joined, whose = "".join(folded), np.array(owners, np.uint64)
        lengths = np.fromiter(map(len, folded), np.int64, len(folded))
        owner_at = np.repeat(whose, lengths)
        codes = np.frombuffer(joined.encode("utf-32-le"), "<u4")
        cjk = _cjk_table()[codes]
        pairs = np.flatnonzero(cjk[:-1] & cjk[1:])
        signs = _form_table()[codes].astype(np.uint64)
        numbered = Numbers(_ONE_TERM)
        runs = np.where(cjk, codes, ord(" ")).astype("<u4").tobytes().decode("utf-32-le")
        words, counts = self._longer_words(runs, lengths, numbered)
        others, places = _other_terms(joined, numbered)
        return held(
            [
                (signs[cjk], owner_at[cjk]),
                (pair_keys(signs[pairs], signs[pairs + 1]), owner_at[pairs]),
                (words, np.repeat(whose, counts)),
                (others, owner_at[places]),
            ],
            numbered.longer(),
        )

    def _longer_words(
        self, runs: str, lengths: npt.NDArray[np.int64], numbered: Numbers
    ) -> tuple[TermKeys, npt.NDArray[np.int64]]:
        """Numbers of the words of three characters or more, text by text, and how many each text has."""
        found, counts, start = array("Q"), [], 0
        for end in np.cumsum(lengths).tolist():
            words = [word for word in self._overlapping(runs[start:end]) if len(word) > 2]
            found.extend(map(numbered.__getitem__, words))
            counts.append(len(words))
            start = end
        return np.frombuffer(found, np.uint64), np.array(counts, np.int64)

    def question(self, text: str) -> list[str]:
        """The terms of a question: as of a passage, less stop words (unless nothing else is left), plus synonyms."""
        folded = fold_text(text)
        every = self._terms(folded)
        terms = [term for term in every if term not in _STOP] or every
        for group in self._synonyms:
            named = [word for word in group if _stands_in(word, folded)]
            for word in group if named else ():
                if word not in named:
                    terms += self._terms(word)
        return terms

    def words(self, text: str) -> list[str]:
        """The words of a text in order, duplicates kept, each once: jieba's in Chinese and Japanese, others whole."""
        found: list[str] = []
        for run in _RUN.finditer(fold_text(text)):
            found += self._split(run.group()) if run["cjk"] is not None else [run.group()]
        return found

    def cuts(self, text: str, spans: Sequence[tuple[int, int]]) -> list[Cut]:
        """The spans of ``text``, each cut so that ``wanted`` terms are found in it as they are among ``passage``.

        Folded at once, sentences are what each would be alone, unless one begins with a mark that joins what is before.
        """
        folded = fold(text)
        translated = folded.text.translate(_ONE_TERM)  # one for one
        found = []
        for start, end in spans:
            low, high = (bisect_left(folded.offsets, place) for place in (start, end))
            found.append(self._cut(folded.text[low:high], translated[low:high]))
        return found

    def _cut(self, folded: str, translated: str) -> Cut:
        values = numbers(folded)
        figures = {(start, end) for _, start, end in values}
        words: list[str] = []
        chinese: list[str] = []
        others: set[str] = set()
        for run in _RUN.finditer(folded):
            if run["cjk"] is not None:
                chinese += (split := self._split(run.group()))
                words += split
                continue
            words.append(run.group())
            if run.span() not in figures:
                others.add(run.group())
        others.update(term for value, _, end in values for term in _terms_of_number(value, folded, end))
        joined = f"|{'|'.join(chinese)}|"
        joined = joined if translated == folded else joined.translate(_ONE_TERM)
        return Cut(tuple(words), translated, joined, frozenset(others))

    def question_words(self, text: str) -> list[str]:
        """The words of a question less stop words, unless nothing else is left."""
        every = self.words(text)
        return [word for word in every if word not in _STOP] or every

    def places(self, text: str, wanted: Collection[str], folded: Folded | None = None) -> list[tuple[int, int]]:
        """Spans of ``text`` where wanted terms stand, in order, touching ones joined.

        A single Chinese character counts only where nothing longer is wanted: alone it says too little to be marked.
        ``folded`` is ``fold(text)``, where it is known already.
        """
        longer = {term for term in wanted if len(term) > 1 or not _HAN.match(term)}
        folded = folded or fold(text)
        spans: list[tuple[int, int]] = []
        for start, end in sorted(self._found(folded.text, Wanted.read(longer or wanted))):
            first = folded.offsets[start]
            # A character may have become several (⑴: (1), ㎡: m2); the term ends where the next one begins.
            behind = bisect_right(folded.offsets, folded.offsets[end - 1])
            past = folded.offsets[behind] if behind < len(folded.offsets) else len(text)
            last = first + len(text[first:past].rstrip())
            if spans and first <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
            else:
                spans.append((first, last))
        return spans

    def _terms(self, folded: str) -> list[str]:
        """The terms alone, as ``_cut`` finds them and in its order."""
        values = numbers(folded)
        figures = {(start, end) for _, start, end in values}
        has_two_forms = _TWO_FORMS.search(folded) is not None
        terms: list[str] = []
        for run in _RUN.finditer(folded):
            content = run.group()
            if run["cjk"] is None:
                if run.span() not in figures:
                    terms.append(content)
                continue
            words = [word for word in self._overlapping(content) if len(word) > 2]
            if has_two_forms:
                content, words = content.translate(_ONE_TERM), [word.translate(_ONE_TERM) for word in words]
            terms += words
            terms += content
            terms += map(operator.add, content, content[1:])
        for value, _, end in values:
            terms += _terms_of_number(value, folded, end)
        return terms

    def _found(self, folded: str, terms: Wanted) -> Iterator[tuple[int, int]]:
        """Where the terms stand in folded text, in no order, some perhaps twice."""
        text = folded.translate(_ONE_TERM)  # one for one
        for part in terms.parts:
            at = text.find(part)
            while at >= 0:
                yield at, at + len(part)
                at = text.find(part, at + 1)
        words = {word for word, _ in terms.words if word in text}
        others = set(terms.others)
        if not words and not others:
            return
        values = numbers(folded)
        figures = {(start, end) for _, start, end in values}
        for run in _RUN.finditer(folded):
            first = run.start()
            if run["cjk"] is None:
                if run.group() in others and run.span() not in figures:
                    yield run.span()
            elif words:
                for _, at, end in self._words(run.group()):
                    if text[first + at : first + end] in words:
                        yield first + at, first + end
        for value, start, end in values:
            if value in others:
                yield start, end
            if (measure := _HAN.match(folded, end)) and value + measure.group() in others:
                yield start, end + 1


_IN_USE: WeakValueDictionary[TermsSource, Terms] = WeakValueDictionary()


def terms_of(source: TermsSource) -> Terms:
    """The terms that have this source: those of this process, or read from the owner's files.

    Raises:
        UsageError: CONFIG_VALUE when a file was changed since, or as ``Terms`` does.
    """
    return _IN_USE.get(source) or _read(source)


@lru_cache(maxsize=1)
def _read(source: TermsSource) -> Terms:
    terms = Terms(source.dictionary, source.synonyms)
    if terms.version != source.version:
        changed = ", ".join(str(path) for path in (source.dictionary, source.synonyms) if path is not None)
        raise UsageError("CONFIG_VALUE", f"{changed}: changed while it was in use; start again.", "WENBAO_DICT")
    return terms


def _other_terms(folded: str, numbered: Numbers) -> tuple[TermKeys, npt.NDArray[np.int64]]:
    """Numbers of the terms in other scripts and of those of figures, and where each begins."""
    found, places = array("Q"), array("q")
    values = numbers(folded)
    figures = {(start, end) for _, start, end in values}
    for run in _OTHER.finditer(folded):
        if run.span() not in figures:
            found.append(numbered[run.group()])
            places.append(run.start())
    for value, start, end in values:
        for term in _terms_of_number(value, folded, end):
            found.append(numbered[term])
            places.append(start)
    return np.frombuffer(found, np.uint64), np.frombuffer(places, np.int64)


def _terms_of_number(value: str, folded: str, end: int) -> list[str]:
    """The value, and the value with the character behind it."""
    measure = _HAN.match(folded, end)
    return [value] if measure is None else [value, value + measure.group()]


def _stands_in(word: str, folded: str) -> bool:
    """Does a folded word stand in a folded text? One of another script than Chinese only as a whole word."""
    if _HAN.search(word):
        return word in folded
    return bool(regex.search(rf"(?<![\p{{L}}\p{{N}}]){regex.escape(word)}(?![\p{{L}}\p{{N}}])", folded))


def _rjieba_words(run: str) -> list[_Placed]:
    # Without jieba's model for unknown words (HMM): no worse on any set, and twice as fast.
    words: list[_Placed] = rjieba.tokenize(run, mode="search", hmm=False)
    return words


def _rjieba_overlapping(run: str) -> list[str]:
    words: list[str] = rjieba.cut_for_search(run, False)
    return words


def _rjieba_split(run: str) -> list[str]:
    words: list[str] = rjieba.cut(run, False)
    return words


_RJIEBA = (_rjieba_words, _rjieba_overlapping, _rjieba_split)


def _jieba(dictionary: Path) -> tuple[_Words, _Split, _Split]:
    """Words by jieba itself, with the owner's words: rjieba weighs added words a little differently."""
    own = [_entry(dictionary, number, fields) for number, fields in _lines(dictionary)]
    jieba, frequencies, total = _jiebas_own()
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = frequencies.copy(), total
    tokenizer.initialized = True
    for word, frequency, tag in own:
        tokenizer.add_word(word, frequency, tag)

    def words(run: str) -> list[_Placed]:
        return list(tokenizer.tokenize(run, mode="search", HMM=False))

    def overlapping(run: str) -> list[str]:
        return list(tokenizer.cut_for_search(run, HMM=False))

    def split(run: str) -> list[str]:
        return list(tokenizer.cut(run, HMM=False))

    return words, overlapping, split


@cache
def _cjk_table() -> npt.NDArray[np.bool_]:
    """Of each code point, whether it is Chinese or Japanese."""
    table = np.zeros(sys.maxunicode + 1, np.bool_)
    for run in _ALL_CJK.finditer("".join(map(chr, range(sys.maxunicode + 1)))):
        table[slice(*run.span())] = True
    return table


@cache
def _form_table() -> npt.NDArray[np.uint32]:
    """Of each code point, the one that terms have for it."""
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    table[list(_ONE_TERM)] = list(_ONE_TERM.values())
    return table


@cache
def _jiebas_own() -> tuple[Any, dict[str, int], int]:
    """jieba, with its own dictionary's frequencies and their sum; read once, for each owner's dictionary adds to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in its sources; errors where warnings are errors
        import jieba  # half a second of dictionary: only for owners who have one of their own  # noqa: PLC0415

    tokenizer = jieba.Tokenizer()
    # What initialize() does, without its cache: that is a marshal file in a folder that other users can write to.
    return jieba, *tokenizer.gen_pfdict(tokenizer.get_dict_file())


def _entry(path: Path, number: int, fields: list[str]) -> tuple[str, int | None, str | None]:
    """Word, frequency and tag of a line in jieba's format; its frequency, its tag or both may be missing."""
    word, *rest = fields
    frequency = int(rest.pop(0)) if rest and rest[0].isdecimal() and len(rest[0]) <= _FREQUENCY_DIGITS else None
    tag = rest.pop(0) if rest and rest[0].isascii() and rest[0].isalpha() else None
    if rest:
        raise _malformed(path, number, "word, frequency and tag, the last two optional", fields)
    return fold_text(word), frequency, tag


def _synonym_groups(path: Path) -> list[list[str]]:
    groups: list[list[str]] = []
    for number, fields in _lines(path):
        if len(fields) < 2:
            raise _malformed(path, number, "two words or more of one meaning, parted by blanks", fields)
        groups.append([fold_text(word) for word in fields])
    return groups


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line numbers from 1 with the line's fields; empty lines are left out."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("CONFIG_VALUE", f"{path} can't be read as UTF-8 text ({error}).", "WENBAO_DICT") from error
    for number, line in enumerate(text.splitlines(), 1):
        if fields := line.split():
            yield number, fields


def _malformed(path: Path, number: int, expected: str, found: list[str]) -> UsageError:
    return UsageError(
        "CONFIG_VALUE", f"{path}, line {number}: expected {expected}, found {' '.join(found)!r}.", "WENBAO_DICT"
    )
