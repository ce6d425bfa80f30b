"""The reader: its arithmetic against torch's, its parts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.reader import Batch, Net, Vocabulary
from benchmarks.reader_data import Maker, follow_up
from embeddings.embedders.static import StaticEmbedder
from qa.answer.kinds import expected
from qa.answer.reader import EARLIER, GAP, OWN, Tokenised, parts, read, shipped, token_class, tokenised
from qa.text import fold_text

TEXT = "这座桥由工程师王大伟设计，全长三百米，1962年通车。"
OTHER = "新的图书馆里有八千本书，周末也开放。"


def test_numpy_reads_as_torch_does() -> None:
    torch.manual_seed(0)
    vocabulary = Vocabulary()
    net = Net(vocabulary.mean_norm).eval()
    question = "这座桥由谁设计？"
    example = Maker().example("", question, fold_text(TEXT), [(8, 11)], fold_text(OTHER))
    assert example is not None
    with torch.no_grad():
        reference = net(Batch([example], vocabulary, None))[0].numpy()
    weights = {name: values.astype(np.float32) for name, values in net.tensors().items()}
    first, second = read(expected(question), [tokenised().of(fold_text(text)) for text in (TEXT, OTHER)], weights)
    size = len(first.spans)
    for reading, rows in ((first, reference[:size]), (second, reference[len(reference) - len(second.spans) :])):
        found = np.stack([reading.first, reading.last, reading.inside], axis=1)
        assert np.abs(found - rows).max() < 4e-3  # the weights are in half precision


def test_a_text_is_read_alike_alone_and_among_others() -> None:
    asked = expected("图书馆有多少本书？")
    texts = [tokenised().of(text) for text in (TEXT, OTHER)]
    together = read(asked, texts, shipped())
    for text, reading in zip(texts, together, strict=True):
        [alone] = read(asked, [text], shipped())
        np.testing.assert_allclose(reading.first, alone.first, atol=1e-4)
        np.testing.assert_allclose(reading.inside, alone.inside, atol=1e-4)


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("这座桥由谁设计？", TEXT, "王大伟"),
        ("桥有多长？", TEXT, "三百米"),
        ("图书馆有多少本书？", OTHER, "八千本"),
    ],
)
def test_the_answer_begins_and_ends_where_it_stands(question: str, text: str, answer: str) -> None:
    [reading] = read(expected(question), [tokenised().of(text)], shipped())
    start = reading.spans[int(np.argmax(reading.first)), 0]
    end = reading.spans[int(np.argmax(reading.last)), 1]
    assert answer in text[start : end + 1]


def test_a_question_has_an_earlier_part_its_own_and_a_gap() -> None:
    asked = expected("体育馆路街道来了谁？ 送出了多少口罩？")
    tokens = tokenised().of(asked.folded)
    found = dict(zip((asked.folded[a:b].strip() for a, b in tokens.spans), parts(asked, tokens.spans), strict=True))
    assert found["街道"] == EARLIER
    assert found["口罩"] == OWN
    assert found["多少"] == GAP


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ("", 0),
        ("▁", 0),
        ("。", 1),
        ("，", 2),
        ("《", 3),
        ("▁1962", 4),
        ("三百", 5),
        ("の", 6),
        ("桥", 7),
        ("工会", 8),
        ("▁bridge", 9),
        ("%", 10),
    ],
)
def test_tokens_are_of_a_sort(token: str, number: int) -> None:
    assert token_class(token) == number


def test_nothing_is_read_of_nothing() -> None:
    empty = tokenised().of("")
    assert [len(each.first) for each in read(expected("谁？"), [empty], shipped())] == [0]
    assert [len(each.first) for each in read(expected(""), [tokenised().of(TEXT)], shipped())] == [0]


def test_tokens_are_kept_for_the_texts_read_last(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = Vocabulary().embedder
    asked = []
    real = type(embedder).tokens

    def counted(self: StaticEmbedder, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        asked.append(text)
        return real(self, text)

    monkeypatch.setattr(StaticEmbedder, "tokens", counted)
    tokens = Tokenised(embedder, kept=2)
    for text in ("甲", "乙", "甲", "丙", "甲", "乙"):
        tokens.of(text)
    assert asked == ["甲", "乙", "丙", "乙"]


def test_some_sentences_of_a_text_are_read() -> None:
    tokens = tokenised().of(TEXT)
    within = tokens.within(np.array([[0, 3], [13, 18]]))
    assert "".join(TEXT[a:b] for a, b in within.spans) == "这座桥全长三百米"


def test_a_follow_up_leaves_out_what_was_said() -> None:
    asked = "香港体育记者协会的会长是谁？"
    assert (
        follow_up("香港体育记者协会成立于哪一年？", asked)
        == f"香港体育记者协会成立于哪一年？ {fold_text('的会长是谁？')}"
    )
    assert follow_up("", asked) is None
    assert follow_up("Who came?", "Who went?") is None
