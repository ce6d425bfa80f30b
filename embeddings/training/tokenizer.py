"""The tokenizer of the embedded model: one unigram model for all languages that knows Chinese words.

Its normaliser is the product's folding, compiled into ``tokenizer.json``: NFKC, one spelling for case, quotes and
script (a character map, in the binary form that SentencePiece introduced), nothing invisible, no OCR blank between two
Chinese characters. Runs of Chinese characters are then cut by word frequencies as jieba does without its hidden Markov
model: the vocabulary holds the most frequent words by jieba's dictionary and the training rows, and single characters.
All other scripts are cut into pieces that the unigram trainer found.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from embeddings.training.folding import character_map, fold

UNKNOWN = "[UNK]"
_WORD_START = "▁"
_HAN = r"[\p{Han}〇]"
_BLANKS_BETWEEN_HAN = rf"(?<={_HAN})\s+(?={_HAN})"
_INVISIBLE = r"[\p{Cc}\p{Cf}\p{Variation_Selector}&&[^\t\n\r]]"
_MARK = r"[\p{P}\p{S}]"

_HAN_RUN = re.compile(r"[〇㐀-䶿一-鿿\U00020000-\U0003FFFF]+")
"""The same characters for Python's re, which knows no scripts (々 and compatibility forms do no harm when missed)."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many tokens of each kind the vocabulary has; one more stands for the unknown."""

    characters: int = 6_500
    words: int = 18_500
    pieces: int = 19_000
    """Pieces of all scripts but Chinese."""


def normaliser() -> normalizers.Normalizer:
    """The product's folding as a ``tokenizers`` normaliser."""
    return normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(Regex(_INVISIBLE), ""),
            normalizers.Precompiled(compile_character_map(character_map())),
            normalizers.Replace(Regex(_BLANKS_BETWEEN_HAN), ""),
        ]
    )


def pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    """Cuts at blanks, around runs of Chinese characters and around each mark; other words begin with ``▁``."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(rf"{_HAN}+"), "isolated"),
            pre_tokenizers.Split(Regex(_MARK), "isolated"),
            pre_tokenizers.Metaspace(_WORD_START, prepend_scheme="always", split=False),
            pre_tokenizers.Split(Regex(rf"{_WORD_START}(?={_HAN}|{_MARK})"), "removed"),
        ]
    )


def build(chinese: Iterable[str], other: Iterable[str], sizes: Sizes = Sizes()) -> Tokenizer:
    """The tokenizer for a vocabulary counted in ``chinese`` texts (with jieba's dictionary) and learned from ``other``.

    Token 0 is the unknown one. Chinese text inside ``other`` is skipped.
    """
    vocabulary = [(UNKNOWN, 0.0), *chinese_vocabulary(chinese, sizes), *other_vocabulary(other, sizes.pieces)]
    return unigram(vocabulary)


def unigram(vocabulary: list[tuple[str, float]]) -> Tokenizer:
    """A tokenizer with these pieces and their log probabilities; the first piece is the unknown token."""
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normaliser()
    tokenizer.pre_tokenizer = pre_tokenizer()
    return tokenizer


def chinese_vocabulary(texts: Iterable[str], sizes: Sizes) -> list[tuple[str, float]]:
    """The most frequent Chinese words and characters with their log probabilities.

    A word's frequency is the mean of its share in ``texts`` and in jieba's dictionary: our texts are laws and histories
    to a good part, the dictionary counts newspapers.
    """
    import rjieba  # noqa: PLC0415  # loads its dictionary

    characters: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for text in texts:
        for run in _HAN_RUN.findall(fold(text)):
            characters.update(run)
            words.update(word for word in rjieba.cut(run, False) if len(word) > 1)
    general = jieba_frequencies()
    share = _mean_of_shares(words, {word: count for word, count in general.items() if len(word) > 1})
    kept_words = sorted(share, key=lambda word: (-share[word], word))[: sizes.words]
    kept_characters = sorted(characters, key=lambda one: (-characters[one], one))[: sizes.characters]
    # A character alone is what is left when a word is unknown: rarer than the character's own count says.
    total = characters.total()
    alone = {one: 0.1 * characters[one] / total for one in kept_characters}
    return [(piece, math.log(value)) for piece, value in [*((w, share[w]) for w in kept_words), *alone.items()]]


def jieba_frequencies() -> Counter[str]:
    """Word → count of jieba's dictionary (MIT licence), simplified and folded; only words of Chinese characters."""
    import jieba  # noqa: PLC0415  # only its dictionary file is read

    counts: Counter[str] = Counter()
    with jieba.get_module_res("dict.txt") as file:
        for line in file:
            word, count, *_ = line.decode("utf-8").split(" ")
            if _HAN_RUN.fullmatch(word):
                counts[fold(word)] += int(count)
    return counts


def other_vocabulary(texts: Iterable[str], size: int, rarest: int = 30) -> list[tuple[str, float]]:
    """Pieces of all scripts but Chinese, with log probabilities, learned by the unigram trainer.

    Characters that occur less than ``rarest`` times stay unknown.
    """
    lines = [_HAN_RUN.sub(" ", fold(text)) for text in texts]
    counts = Counter(character for line in lines for character in line)
    rare = {ord(character): " " for character, count in counts.items() if count < rarest}
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = pre_tokenizer()
    trainer = trainers.UnigramTrainer(
        vocab_size=size + 1, special_tokens=[UNKNOWN], unk_token=UNKNOWN, max_piece_length=16, show_progress=False
    )
    learner.train_from_iterator((line.translate(rare) for line in lines), trainer)
    return [(piece, score) for piece, score in _scores(learner) if piece != UNKNOWN]


def _scores(tokenizer: Tokenizer) -> Iterator[tuple[str, float]]:
    import json  # noqa: PLC0415  # the learned scores are only found in the saved form

    yield from ((piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"])


def _mean_of_shares(*counts: Mapping[str, int]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for counter in counts:
        total = sum(counter.values()) or 1
        for word, count in counter.items():
            shares[word] = shares.get(word, 0.0) + count / total / len(counts)
    return shares


def compile_character_map(mapping: Mapping[str, str]) -> bytes:
    """The map in SentencePiece's binary form: the trie's size in bytes, a double-array trie, the values.

    The trie is Darts-clone's (https://github.com/s-yata/darts-clone): a unit is a little-endian 32-bit number, for an
    inner node label | has_leaf << 8 | offset << 10, for a leaf value | 1 << 31. A key's value is the place of its
    NUL-terminated UTF-8 replacement in what follows the trie.
    """
    values = bytearray()
    places: dict[str, int] = {}
    keys: dict[bytes, int] = {}
    for key, value in sorted(mapping.items()):
        if value not in places:
            places[value] = len(values)
            values += value.encode() + b"\0"
        keys[key.encode()] = places[value]
    units = _double_array(keys)
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + bytes(values)


def _double_array(keys: Mapping[bytes, int]) -> list[int]:
    """Darts-clone's units for the keys, each placed at the first base whose slots are free."""
    children: dict[bytes, set[int]] = {b"": set()}
    for key in keys:
        for end in range(len(key)):
            children.setdefault(key[:end], set()).add(key[end])
        children.setdefault(key, set()).add(0)
    units = np.zeros(1 << 20, dtype=np.uint32)  # bases below 2^20 keep offsets below 2^21, the most a unit can hold
    used, based = np.zeros(len(units), dtype=np.bool_), np.zeros(len(units), dtype=np.bool_)
    used[0] = based[0] = True
    waiting = [(b"", 0)]
    while waiting:
        prefix, position = waiting.pop()
        labels = np.array(sorted(children[prefix]))
        start = int(used.argmin()) & ~255
        base = -1
        while base < 0:
            bases = np.arange(start, start + 4096)
            free = ~based[bases] & ~used[bases[:, None] ^ labels].any(axis=1)
            base = int(bases[free.argmax()]) if free.any() else -1
            start += 4096
        based[base] = True
        used[base ^ labels] = True
        units[position] |= (position ^ base) << 10 | (256 if labels[0] == 0 else 0)
        for label in labels.tolist():
            if label == 0:
                units[base] = keys[prefix] | 1 << 31
            else:
                units[base ^ label] = label
                waiting.append((prefix + bytes([label]), base ^ label))
    size = (int(np.flatnonzero(used)[-1]) | 255) + 1  # any base ^ byte must be inside
    found: list[int] = units[:size].tolist()
    return found
