"""Rows from snapshots of public repositories, beside the four row files: names, questions, phrases, documentation.

Nothing of them is committed. ``python -m embeddings.training --extra FOLDER`` reads ``FOLDER/OWNER+NAME`` for each
source of ``SOURCES``, a checkout of that repository. What is read goes through the same overlap filter as all other
rows; a sixteenth of the questions and names is held out, to choose recipes by.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from embeddings.training.data import Corpus, Pairs, clean

LANGUAGES = ("zh", "ar", "de", "es", "ja", "ru", "vi")
"""Languages that are taken from sources with many: those that questions are asked in."""
_HAN = re.compile(r"[㐀-䶿一-鿿]")
_TAG = re.compile(r"<[^>]+>|\[([^\]]*)\]\([^)]*\)|[*`_{}]|%\{?\w+\}?")
_HELD_OUT = 16


@dataclass(frozen=True, slots=True)
class Row:
    """One pair of texts: ``table`` is ``parallel`` or ``dictionary``, ``language`` that of the right text.

    ``key`` is equal for rows that must be held out together (translations of one question); empty: never held out.
    """

    table: str
    language: str
    left: str
    right: str
    key: str = ""


Reader = Callable[[Path, Corpus], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from. ``licence`` is what the repository, or the data's publisher, states."""

    name: str
    repository: str
    licence: str
    read: Reader


def _names(folder: Path, _: Corpus) -> Iterator[Row]:
    """Personal names of Wikidata: English ↔ four scripts, and Chinese ↔ the other three through the English."""
    chinese: dict[str, list[str]] = {}
    for script, language in (("chinese", "zh"), ("arabic", "ar"), ("russian", "ru"), ("katakana", "ja")):
        for part in ("80", "20"):
            for line in (folder / "data" / f"wd_{script}_{part}").read_text(encoding="utf-8").splitlines():
                english, letters, *_rest = line.split("\t")
                name = letters.replace(" ", "")
                yield Row("dictionary", language, english, name, english)
                if language == "zh":
                    chinese.setdefault(english, []).append(name)
                elif english in chinese:
                    yield Row("dictionary", language, chinese[english][0], name, english)


def _mkqa(folder: Path, _: Corpus) -> Iterator[Row]:
    """Questions in many languages, and the names among their answers."""
    found: dict[str, dict[str, tuple[str, list[str]]]] = {}
    for archive in ("mkqa_dev.zip", "mkqa_test_without_answers.zip"):
        with zipfile.ZipFile(folder / "data" / "eval" / archive) as opened:
            for member in opened.namelist():
                language = Path(member).stem.removeprefix("mkqa-").removesuffix("_cn")
                if language not in {*LANGUAGES, "en", "ko", "tr"}:
                    continue
                for line in opened.read(member).decode("utf-8").splitlines():
                    row = json.loads(line)
                    answers = [one for one in row.get("answers") or [] if isinstance(one, str)]
                    found.setdefault(row["id"].split("_")[0], {})[language] = (row["question"], answers)
    for key, languages in found.items():
        question, answers = languages.pop("en", ("", []))
        for language, (theirs, named) in languages.items():
            yield Row("parallel", language, question, theirs, key)
            if answers and named and answers[0] != named[0] and not re.search(r"\d", answers[0]):
                yield Row("dictionary", language, answers[0], named[0], key)


def _iconclass(folder: Path, _: Corpus) -> Iterator[Row]:
    """Themes of pictures: myths, history, nature, society, in phrases. Lines that begin with # aren't translated."""
    english = dict(_iconclass_lines(folder / "txt" / "en"))
    for name, language in (("zh", "zh"), ("de", "de"), ("es", "es"), ("jp", "ja")):
        for notation, text in _iconclass_lines(folder / "txt" / name):
            if notation in english and english[notation] != text:
                yield Row("parallel", language, english[notation], text)


def _iconclass_lines(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.glob("txt_*_[0-9]*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            notation, _, text = line.partition("|")
            if text and not notation.startswith("#"):
                yield notation, text.replace(" ~ ", ", ")


def _subdivisions(folder: Path, _: Corpus) -> Iterator[Row]:
    """Names of provinces and states: English ↔ others, Chinese ↔ others."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415  # only for training

    for file in sorted((folder / "lib" / "countries" / "data" / "subdivisions").glob("*.yaml")):
        for place in (yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader) or {}).values():
            names = {key: str(name) for key, name in (place.get("translations") or {}).items() if name}
            for language in LANGUAGES:
                for left in ("en", "zh"):
                    if left in names and names.get(language, names[left]) != names[left]:
                        yield Row("dictionary", language, names[left], names[language])


def _qald(folder: Path, _: Corpus) -> Iterator[Row]:
    content = json.loads((folder / "data" / "qald_10" / "qald_10.json").read_text(encoding="utf-8"))
    for asked in content["questions"]:
        texts = {one["language"]: one["string"] for one in asked["question"]}
        for language in LANGUAGES:
            if "en" in texts and language in texts:
                yield Row("parallel", language, texts["en"], texts[language])


def _rubq(folder: Path, _: Corpus) -> Iterator[Row]:
    for name in ("RuBQ_1.0/RuBQ_1.0_dev.json", "RuBQ_1.0/RuBQ_1.0_test.json", "RuBQ_2.0/RuBQ_2.0_dev.json"):
        for asked in json.loads((folder / name).read_text(encoding="utf-8")):
            yield Row("parallel", "ru", asked["question_eng"], asked["question_text"])


def _bitcoin(folder: Path, _: Corpus) -> Iterator[Row]:
    """The texts of bitcoin.org, by key."""
    import yaml  # noqa: PLC0415

    texts: dict[str, dict[str, str]] = {}
    for language, name in {"en": "en", "zh": "zh_CN"}.items() | {(one, one) for one in ("ar", "de", "es", "ja", "ru")}:
        content = yaml.load((folder / "_translations" / f"{name}.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
        texts[language] = dict(_leaves(content[name]))
    english = texts.pop("en")
    for language, theirs in sorted(texts.items()):
        for key, text in theirs.items():
            if key in english and english[key] != text:
                yield Row("parallel", language, _plain(english[key]), _plain(text))


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    elif isinstance(value, str):
        yield path, value


def _tatoeba(file: str, language: str) -> Reader:
    def read(folder: Path, _: Corpus) -> Iterator[Row]:
        for line in (folder / file).read_text(encoding="utf-8").splitlines():
            english, theirs, *_rest = [*line.split("\t"), ""]
            yield Row("parallel", language, english, theirs)

    return read


def _sino_vietnamese(folder: Path, corpus: Corpus) -> Iterator[Row]:
    """Chinese words of the dictionary ↔ how Vietnamese reads them, where each character has one reading."""
    readings: dict[str, set[str]] = {}
    for line in (folder / "hanviet.csv").read_text(encoding="utf-8").splitlines()[1:]:
        character, listed = line.split(",", 1)
        readings.setdefault(character, set()).update(re.findall(r"'([^']+)'", listed))
    words = {
        word
        for source, word in zip(corpus.dictionary.source, corpus.dictionary.right, strict=True)
        if source in {"cedict", "cedict-t"} and len(word) > 1
    }
    for word in sorted(words):
        if all(len(readings.get(character, ())) == 1 for character in word):
            yield Row("dictionary", "zh", " ".join(min(readings[character]) for character in word), word)


def _privacyguides(folder: Path, _: Corpus) -> Iterator[Row]:
    """Pages of equal structure, paragraph by paragraph: Chinese ↔ others; paragraphs left in English are English."""
    for page in sorted((folder / "i18n" / "zh").rglob("*.md")):
        chinese = _paragraphs(page)
        for language in LANGUAGES[1:]:
            other = folder / "i18n" / language / page.relative_to(folder / "i18n" / "zh")
            theirs = _paragraphs(other) if other.is_file() else []
            if len(theirs) != len(chinese):
                continue
            for ours, their in zip(chinese, theirs, strict=True):
                if ours == their or "://" in ours or min(len(ours), len(their)) < 4:
                    continue
                if _HAN.search(ours) and their.isascii() and language in {"ar", "ja", "ru", "vi"}:
                    yield Row("parallel", "zh", their, ours)
                else:
                    yield Row("parallel", language, ours, their)


def _paragraphs(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [_plain(block) for block in re.split(r"\n\s*\n", text)]


def _plain(text: str) -> str:
    return clean(_TAG.sub(lambda found: found.group(1) or "", text))


SOURCES = (
    Source("wikidata-names", "steveash/NETransliteration-COLING2018", "data CC0 1.0 (Wikidata)", _names),
    Source("mkqa", "mia-workshop/MIA-Shared-Task-2022", "MKQA: CC BY-SA 3.0", _mkqa),
    Source("iconclass", "iconclass/data", "CC0 1.0", _iconclass),
    Source("subdivisions", "countries/countries", "MIT; names from CLDR, Unicode licence", _subdivisions),
    Source("qald", "KGQA/QALD-10", "MIT", _qald),
    Source("rubq", "vladislavneon/RuBQ", "CC BY-SA 4.0", _rubq),
    Source("bitcoin.org", "bitcoin-dot-org/bitcoin.org", "MIT", _bitcoin),
    Source("tatoeba-ara", "ObadaZay/nmt", "Tatoeba: CC BY 2.0 FR", _tatoeba("ara.txt", "ar")),
    Source("tatoeba-vie", "sanghuynh1501/translate_machine", "Tatoeba: CC BY 2.0 FR", _tatoeba("vie.txt", "vi")),
    Source("hanviet", "ph0ngp/hanviet-pinyin-wordlist", "MIT; words CC BY-SA 4.0 (CC-CEDICT)", _sino_vietnamese),
    Source("privacyguides", "privacyguides/i18n", "CC BY-SA 4.0", _privacyguides),
)


def read_sources(folder: Path, corpus: Corpus, *, held_out: bool = False) -> Corpus:
    """All different rows of ``SOURCES``, or the sixteenth of the questions and names that is held out instead.

    Args:
        folder: has a folder ``OWNER+NAME`` for each repository.
        corpus: the rows of the four files; a few sources are read together with its dictionary.

    Raises:
        FileNotFoundError: a repository's folder, or a file in it, is missing.
    """
    tables = {name: Pairs([], [], [], []) for name in ("parallel", "dictionary", "pairs", "texts")}
    for source in SOURCES:
        place = folder / source.repository.replace("/", "+")
        if not place.is_dir():
            raise FileNotFoundError(f"{place} is missing: check out github.com/{source.repository} there.")
        seen: set[Row] = set()
        for row in source.read(place, corpus):
            row = Row(row.table, row.language, clean(row.left), clean(row.right), row.key)  # noqa: PLW2901
            if row in seen or not row.left or not row.right or _kept_out(row.key) != held_out:
                continue
            seen.add(row)
            table = tables[row.table]
            table.source.append(source.name)
            table.language.append(row.language)
            table.left.append(row.left)
            table.right.append(row.right)
    return Corpus(**tables)


def _kept_out(key: str) -> bool:
    return bool(key) and hashlib.blake2b(key.encode(), digest_size=2).digest()[0] % _HELD_OUT == 0
