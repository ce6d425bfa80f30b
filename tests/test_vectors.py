from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from embeddings.errors import ModelError
from embeddings.vectors import cosines, unit


def test_unit_divides_by_the_length() -> None:
    assert unit([[3.0, 4.0], [0.0, -2.0]]).tolist() == [[np.float32(3 / 5), np.float32(4 / 5)], [0.0, -1.0]]


def test_unit_gives_float32_in_c_order_and_nothing_for_nothing() -> None:
    rows = unit(np.asfortranarray(np.ones((3, 2))))
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    assert unit(np.empty((0, 7))).shape == (0, 7)


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 0.0], [0.0, 0.0]])
def test_unit_refuses_rows_without_a_direction_and_says_which(bad: list[float]) -> None:
    with pytest.raises(ModelError, match="1 of 3 texts, first for text 2") as raised:
        unit([[1.0, 0.0], bad, [0.0, 1.0]])
    assert raised.value.code == "MODEL_BAD_VECTORS"


def test_unit_refuses_a_row_that_is_no_matrix() -> None:
    with pytest.raises(ModelError, match="expected"):
        unit([1.0, 2.0])


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_unit_neither_overflows_nor_underflows(size: float) -> None:
    rows = unit(np.array([[3 * size, 4 * size]], dtype=np.float32))
    assert rows == pytest.approx(np.array([[0.6, 0.8]]), rel=1e-6)


def test_cosine_is_the_sum_of_products() -> None:
    expected = Fraction(3, 5) * Fraction(4, 5) * 2
    [score] = cosines(np.array([[0.6, 0.8]], np.float32), np.array([0.8, 0.6], np.float32))
    assert score == pytest.approx(float(expected), rel=1e-6)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.floats(-1, 1, width=32)),
    st.data(),
)
def test_a_pair_has_the_same_score_to_the_last_bit_whatever_stands_beside_it(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float32]], data: st.DataObject
) -> None:
    question = rows[data.draw(st.integers(0, len(rows) - 1))].copy()
    start = data.draw(st.integers(0, len(rows) - 1))
    together = cosines(rows, question)
    assert np.array_equal(cosines(rows[start:].copy(), question), together[start:])
    assert np.array_equal(cosines(rows[start : start + 1], question), together[start : start + 1])
