"""Which changes of a function nobody can notice, by examples: only those may be left out of the count."""

from __future__ import annotations

import ast

import pytest
from torture.mutants import is_equal

BEFORE = (
    'def f__mutmut_orig(c, x):\n    return c.execute("SELECT id FROM texts WHERE id = ?", (x,)), x.decode("utf-8")\n'
)


def changed(old: str, new: str, before: str = BEFORE) -> bool:
    assert old in before
    after = before.replace("f__mutmut_orig", "f__mutmut_1").replace(old, new)
    return is_equal(ast.parse(before).body[0], ast.parse(after).body[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SELECT id FROM texts WHERE id = ?", "select id from texts where id = ?"),
        ("SELECT id FROM texts WHERE id = ?", "SELECT ID FROM TEXTS WHERE ID = ?"),
        ('"utf-8"', '"UTF-8"'),
    ],
)
def test_sql_and_codecs_in_other_letters_are_the_same(old: str, new: str) -> None:
    assert changed(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SELECT id FROM texts WHERE id = ?", "XXSELECT id FROM texts WHERE id = ?XX"),
        ("SELECT id", "SELECT size"),
        ('"utf-8"', '"utf-16"'),
        ('"utf-8"', "None"),
        (', x.decode("utf-8")', ""),
        ("(x,)", "(c,)"),
    ],
)
def test_anything_else_is_not(old: str, new: str) -> None:
    assert not changed(old, new)


def test_letters_count_in_texts_and_in_what_sql_quotes() -> None:
    told = 'def f__mutmut_orig():\n    raise E("Create the folder first, from here.")\n'
    assert not changed("Create the folder", "create the folder", told)
    assert not changed("a word", "A WORD", 'def f__mutmut_orig():\n    return "a word"\n')
    assert not changed("'red'", "'RED'", "def f__mutmut_orig(c):\n    c.execute(\"SELECT * FROM t WHERE a = 'red'\")\n")
    assert not changed("utf-8", "UTF-8", 'def f__mutmut_orig():\n    return Encoding("utf-8", 1)\n')


def test_statements_in_several_pieces_and_types_that_are_only_told() -> None:
    pieces = 'def f__mutmut_orig(c, n):\n    c.execute(f"DELETE FROM {n} WHERE id = 1")\n'
    assert changed(" WHERE id = 1", " where ID = 1", pieces)
    cast = 'def f__mutmut_orig(x):\n    return cast("str", x)\n'
    assert changed('"str"', '"XXstrXX"', cast)
    assert not changed(", x)", ", None)", cast)
