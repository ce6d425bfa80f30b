"""From rows to arrays: which texts are equal, which rows share their English, who has a teacher's vector; then cached.

Everything that depends on the data and the tokenizer alone is made here once, so that a training run starts at once.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from embeddings.training import sources
from embeddings.training.bags import Bags, Ints
from embeddings.training.data import CHINESE, SENTENCES_ONLY, Corpus, Pairs, read_corpus
from embeddings.training.overlap import evaluation_texts, forbidden_shingles, overlapping
from embeddings.training.sources import read_sources
from embeddings.training.teacher import choose_texts, teacher_vectors
from embeddings.training.tokenizer import Sizes, build

_SENTENCE = re.compile(r"[^。！？!?；;]+[。！？!?；;]?[”』」）)]?")
_ARRAYS_VERSION = 1
_TEACHER_SEED = (0, 1)
EXTRA_SHARE = {"parallel": 0.2, "dictionary": 0.25}
"""Of the drawn rows of a table and language group: how many come from ``--extra``. By judgement."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Pairs of texts as bags, with a number for each side that equal texts share, and each row's chance."""

    left: Bags
    right: Bags
    left_text: Ints
    right_text: Ints
    chance: npt.NDArray[np.float64]
    chinese: npt.NDArray[np.bool_]

    def beside(self, other: Sides, share: float) -> Sides:
        """The rows of both; of the Chinese ones and of the rest, ``share`` of the chance goes to ``other``'s."""
        chinese = np.concatenate([self.chinese, other.chinese])
        theirs = np.arange(len(chinese)) >= len(self.chinese)
        chance = np.concatenate([self.chance, other.chance])
        for group in (chinese, ~chinese):
            for rows, part in ((group & ~theirs, 1 - share), (group & theirs, share)):
                chance[rows] *= part / max(chance[rows].sum(), 1e-300)
        return Sides(
            self.left.beside(other.left),
            self.right.beside(other.right),
            np.concatenate([self.left_text, other.left_text + self.left_text.max() + 1]),
            np.concatenate([self.right_text, other.right_text + self.right_text.max() + 1]),
            chance / chance.sum(),
            chinese,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that the training loop draws batches from."""

    tokenizer: Tokenizer
    counts: Ints
    """(vocabulary,): in how many texts a token occurs."""
    texts: int
    """How many texts were counted."""
    parallel: Sides
    pivot: Ints
    """(parallel rows,): a row with the same English whose right side is Chinese, or -1."""
    dictionary: Sides
    pairs: Sides
    sentences: Bags
    text_starts: Ints
    """Sentences ``text_starts[i]`` to ``text_starts[i + 1]`` are text ``i``."""
    taught: Ints
    """Rows of ``parallel`` whose English the teacher has read."""
    teacher_of: Ints
    """(len(taught),): their rows in ``teacher``."""
    teacher: npt.NDArray[np.float32]
    """(n, 384) the teacher's vectors."""
    hard: Mapping[str, Ints] = field(default_factory=dict)
    """Table → (rows, k) rows that are easily taken for a row's partner (``mining.neighbours``); empty: none mined."""


def prepare(
    data: Path,
    evaluation: Sequence[Path],
    cache: Path,
    *,
    sizes: Sizes,
    taught: int,
    say: Callable[[str], None],
    extra: Path | None = None,
) -> Prepared:
    """Everything to train with, from the cache when the data, the evaluation sets and the sizes are the same.

    Args:
        data: folder of the four row files.
        evaluation: folders whose texts must not be learned from; rows sharing a shingle are dropped.
        cache: folder for what takes minutes to make.
        sizes: of the vocabulary.
        taught: how many English texts the teacher reads.
        say: is told what was dropped and counted.
        extra: folder of repositories (``sources.py``) whose rows are added. The tokenizer, the frequencies and the
            teacher's texts are those without them, so that a trained model can learn on.
    """
    key = hashlib.sha256(repr((_ARRAYS_VERSION, sizes, taught, _state(data), *map(_state, evaluation))).encode())
    folder = cache / f"arrays-{key.hexdigest()[:16]}"
    if not (folder / "arrays.safetensors").is_file():
        tokenizer, arrays = _make(read_corpus(data), evaluation, cache, sizes=sizes, taught=taught, say=say)
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"))
        save_file(arrays, folder / "arrays.partial")
        (folder / "arrays.partial").replace(folder / "arrays.safetensors")
    say(f"arrays: {folder}")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    prepared = _unflatten(tokenizer, load_file(folder / "arrays.safetensors"))
    return prepared if extra is None else _with_extra(prepared, data, extra, evaluation, folder, say)


def _with_extra(
    base: Prepared, data: Path, extra: Path, evaluation: Sequence[Path], folder: Path, say: Callable[[str], None]
) -> Prepared:
    key = hashlib.sha256(repr((_ARRAYS_VERSION, inspect.getsource(sources), _state(extra))).encode()).hexdigest()[:16]
    file = folder / f"extra-{key}.safetensors"
    if not file.is_file():
        rows = read_sources(extra, read_corpus(data))
        rows = without_overlap(rows, forbidden_shingles(evaluation_texts(evaluation)), say)
        made: dict[str, npt.NDArray[np.generic]] = {"pivot": _pivots(rows.parallel)}
        for name in EXTRA_SHARE:
            _add_sides(made, name, rows.tables()[name], base.tokenizer)
        save_file(made, file.with_suffix(".partial"))
        file.with_suffix(".partial").replace(file)
    say(f"extra arrays: {file}")
    arrays = load_file(file)
    pivot = arrays["pivot"]
    return replace(
        base,
        parallel=base.parallel.beside(_sides(arrays, "parallel"), EXTRA_SHARE["parallel"]),
        dictionary=base.dictionary.beside(_sides(arrays, "dictionary"), EXTRA_SHARE["dictionary"]),
        pivot=np.concatenate([base.pivot, np.where(pivot < 0, -1, pivot + len(base.pivot))]),
    )


def without_overlap(corpus: Corpus, forbidden: frozenset[str], say: Callable[[str], None]) -> Corpus:
    """The corpus less the rows that have a forbidden shingle; says how many those are, by table and source."""
    kept: dict[str, Pairs] = {}
    for name, table in corpus.tables().items():
        hit = overlapping(table, forbidden)
        sources = Counter(table.source[row] for row in np.flatnonzero(hit).tolist())
        by_source = ", ".join(f"{source} {count}" for source, count in sources.most_common())
        say(f"{name}: {len(table):,} rows, left out for a shared shingle: {int(hit.sum())} {by_source}".rstrip())
        kept[name] = table.select(~hit)
    return Corpus(**kept)


def _state(folder: Path) -> list[tuple[str, int]]:
    return sorted((path.name, path.stat().st_size) for path in folder.rglob("*") if path.is_file())


def _make(
    corpus: Corpus, evaluation: Sequence[Path], cache: Path, *, sizes: Sizes, taught: int, say: Callable[[str], None]
) -> tuple[Tokenizer, dict[str, npt.NDArray[np.generic]]]:
    corpus = without_overlap(corpus, forbidden_shingles(evaluation_texts(evaluation)), say)
    english = choose_texts(corpus.parallel, taught, np.random.default_rng(_TEACHER_SEED))
    teacher = teacher_vectors(english, cache)
    say("tokenizer …")
    tokenizer = build(_chinese_texts(corpus), _other_texts(corpus), sizes)

    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for name in ("parallel", "dictionary", "pairs"):
        _add_sides(arrays, name, corpus.tables()[name], tokenizer)
    arrays["pivot"] = _pivots(corpus.parallel)
    sentences, text_starts = _sentences(corpus.texts)
    bags = Bags.encode(tokenizer, sentences, "texts")
    arrays |= {"sentences.ids": bags.ids, "sentences.starts": bags.starts, "text_starts": text_starts}
    singles = [text for text, one in zip(corpus.texts.left, corpus.texts.source, strict=True) if one in SENTENCES_ONLY]
    all_bags = [bags, Bags.encode(tokenizer, singles, "single sentences")]
    all_bags += [
        Bags(arrays[f"{name}.{side}.ids"], arrays[f"{name}.{side}.starts"])  # type: ignore[arg-type]  # made above
        for name, side in (("parallel", "left"), ("parallel", "right"), ("pairs", "left"), ("pairs", "right"))
    ]
    arrays["counts"], arrays["texts"] = _document_frequencies(all_bags, tokenizer.get_vocab_size())
    place = {text: row for row, text in enumerate(english)}
    rows = [(row, place[text]) for row, text in enumerate(corpus.parallel.left) if text in place]
    arrays["taught"], arrays["teacher_of"] = np.array(rows, dtype=np.int64).reshape(-1, 2).T.copy()
    arrays["teacher"] = teacher
    return tokenizer, arrays


def _chinese_texts(corpus: Corpus) -> Iterator[str]:
    yield from corpus.texts.left
    yield from corpus.pairs.right
    for table in (corpus.parallel, corpus.dictionary):
        yield from (text for text, one in zip(table.right, table.language, strict=True) if one in CHINESE)


def _other_texts(corpus: Corpus, most: int = 12_000) -> Iterator[str]:
    """Every different English sentence of the Chinese rows, and at most ``most`` texts of each other language.

    So about half of the characters are English and the smaller languages still find their letters and endings.
    """
    rng = np.random.default_rng(2)
    languages = np.array(corpus.parallel.language)
    for language in sorted(set(corpus.parallel.language) - CHINESE):
        rows = np.flatnonzero(languages == language)
        for row in rng.permutation(rows)[:most].tolist():
            yield corpus.parallel.right[row]
    chinese = np.flatnonzero(np.isin(languages, sorted(CHINESE))).tolist()
    yield from sorted({corpus.parallel.left[row] for row in chinese if corpus.parallel.source[row] != "tw-law"})
    yield from sorted({corpus.parallel.left[row] for row in chinese if corpus.parallel.source[row] == "tw-law"})[::3]
    yield from sorted(set(corpus.dictionary.left))[::3]


def _add_sides(arrays: dict[str, npt.NDArray[np.generic]], name: str, table: Pairs, tokenizer: Tokenizer) -> None:
    chance = table.weights()
    for side, texts in (("left", table.left), ("right", table.right)):
        bags = Bags.encode(tokenizer, texts, f"{name}, {side}")
        arrays |= {f"{name}.{side}.ids": bags.ids, f"{name}.{side}.starts": bags.starts}
        arrays[f"{name}.{side}_text"] = _numbers(texts)
        chance = chance * (bags.lengths() > 0)  # nothing is learned from a text without tokens
    arrays[f"{name}.chance"] = chance / chance.sum()
    arrays[f"{name}.chinese"] = np.array([language in CHINESE for language in table.language])


def _numbers(texts: Sequence[str]) -> Ints:
    known: dict[str, int] = {}
    return np.fromiter(
        (known.setdefault(text.casefold(), len(known)) for text in texts), dtype=np.int64, count=len(texts)
    )


def _pivots(parallel: Pairs) -> Ints:
    chinese = {text: row for row, text in enumerate(parallel.left) if parallel.language[row] in CHINESE}
    return np.fromiter(
        (
            -1 if language in CHINESE else chinese.get(text, -1)
            for text, language in zip(parallel.left, parallel.language, strict=True)
        ),
        dtype=np.int64,
        count=len(parallel),
    )


def _sentences(texts: Pairs) -> tuple[list[str], Ints]:
    sentences: list[str] = []
    starts = [0]
    for source, text in zip(texts.source, texts.left, strict=True):
        found = [] if source in SENTENCES_ONLY else _SENTENCE.findall(text)
        if len(found) > 1:
            sentences.extend(found)
            starts.append(len(sentences))
    return sentences, np.array(starts, dtype=np.int64)


def _document_frequencies(all_bags: Sequence[Bags], vocabulary: int) -> tuple[Ints, Ints]:
    counts = np.zeros(vocabulary, dtype=np.int64)
    for bags in all_bags:
        text = np.repeat(np.arange(len(bags)), bags.lengths())
        once = np.unique(text * vocabulary + bags.ids)
        counts += np.bincount(once % vocabulary, minlength=vocabulary)
    return counts, np.array([sum(map(len, all_bags))], dtype=np.int64)


def _unflatten(tokenizer: Tokenizer, arrays: dict[str, npt.NDArray[np.generic]]) -> Prepared:
    plain = {name: arrays[name] for name in ("counts", "pivot", "text_starts", "taught", "teacher_of", "teacher")}
    return Prepared(
        tokenizer=tokenizer,
        texts=int(arrays["texts"][0]),
        parallel=_sides(arrays, "parallel"),
        dictionary=_sides(arrays, "dictionary"),
        pairs=_sides(arrays, "pairs"),
        sentences=_bags(arrays, "sentences"),
        **plain,  # type: ignore[arg-type]  # as saved
    )


def _bags(arrays: Mapping[str, npt.NDArray[np.generic]], name: str) -> Bags:
    return Bags(arrays[f"{name}.ids"], arrays[f"{name}.starts"])  # type: ignore[arg-type]  # as saved


def _sides(arrays: Mapping[str, npt.NDArray[np.generic]], name: str) -> Sides:
    rest = {column.name: arrays[f"{name}.{column.name}"] for column in fields(Sides)[2:]}
    return Sides(_bags(arrays, f"{name}.left"), _bags(arrays, f"{name}.right"), **rest)  # type: ignore[arg-type]  # as saved
