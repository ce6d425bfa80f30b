"""The measures of docs/answers.md, against figures worked by hand and the script of the gold questions."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"figures_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


squad = _load(BENCHMARKS / "squad.py")
reliability = _load(BENCHMARKS / "reliability.py")


def test_f1_is_of_the_longest_common_run_of_characters() -> None:
    # 口罩八千只 and 八千只: a run of 3 of 5 and 3 units: 2·3/(5 + 3)
    assert squad.f1("口罩八千只", ["八千只"]) == pytest.approx(6 / 8)
    # 1962年 is two units, a number and a character; 1962 one: 2·1/(2 + 1)
    assert squad.f1("1962年", ["1962"]) == pytest.approx(2 / 3)
    assert squad.f1("甲乙", ["丙", "乙甲"]) == pytest.approx(2 / 4)
    assert squad.f1("甲", ["乙"]) == 0.0


def test_an_exact_match_sees_no_punctuation() -> None:
    assert squad.exact("《远山》。", ["远山"])
    assert not squad.exact("远山等", ["远山"])


@pytest.mark.parametrize(
    ("answer", "golds"),
    [
        ("口罩8000个", ["8000个"]),
        ("139万元", ["39万元"]),
        ("一共39 万元", ["39万元"]),
        ("甲" * 50 + "39万元", ["39万元"]),
        ("“安康”", ["「安康」"]),
        ("", ["39"]),
    ],
)
def test_holding_an_answer_means_the_same_as_in_the_gold_script(answer: str, golds: list[str], shared: Path) -> None:
    gold = _load(shared / "gold" / "score.py")
    given = gold.fold(answer)
    says = any(gold.contains(given, gold.fold(g)) and len(given) <= len(gold.fold(g)) + 40 for g in golds)
    assert squad.contains(answer, golds) == says


def test_the_calibration_error_is_the_mean_gap_weighted_by_count() -> None:
    found = reliability.bins([0.9, 0.9, 0.9, 0.3], [True, True, False, False])
    assert [(one.count, round(one.confidence, 3), round(one.right, 3)) for one in found] == [
        (1, 0.3, 0),
        (3, 0.9, 0.667),
    ]
    # (1·|0.3 − 0| + 3·|0.9 − 2/3|) / 4
    assert reliability.calibration_error(found) == pytest.approx((0.3 + 3 * (0.9 - 2 / 3)) / 4)


def test_the_diagram_has_a_bar_for_each_bin() -> None:
    picture = ET.fromstring(reliability.draw(reliability.bins([0.9, 0.3], [True, False]), "two"))
    bars = [one for one in picture.iter() if one.tag.endswith("rect") and one.get("fill-opacity")]
    assert len(bars) == 2
