"""Who asks about a district, a street or a company isn't told of another one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from answering import ask, passage

from qa.answer.areas import areas_in, asked_areas, of_other_areas, tell_of_other_areas
from qa.answer.bodies import Named, alike, bodies_in, may_be_one, people_in
from qa.answer.candidates import layout
from qa.answer.kinds import expected
from qa.bot import Bot


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("平谷区总工会", {("平谷", "区", "总工会")}),
        ("延庆区和密云区", {("延庆", "区", "和"), ("密云", "区", "")}),
        ("湖北省武汉市的人", {("湖北", "省", "武汉市"), ("武汉", "市", "的")}),
        ("居民区在隔离区旁，工业区里有超市。", set()),
        ("本市各区街乡、全市各地区", set()),
        ("The district of Haidian", set()),
        ("", set()),
    ],
)
def test_areas_are_named_with_their_sort(text: str, named: set[tuple[str, str, str]]) -> None:
    assert {(area.stem, area.sort, behind) for area, behind, _ in areas_in(text)} == named
    assert all(text[at:].startswith(area.stem) for area, _, at in areas_in(text))


@pytest.mark.parametrize(
    ("question", "areas"),
    [
        ("北京市石景山区总工会捐了多少？", {("石景山", "区")}),  # the narrowest
        ("门头沟总工会捐了多少？", {("门头沟", "区")}),
        ("武汉市的医院有多少？", {("武汉", "市")}),
        ("武汉的医院有多少？", set()),
        ("怀肉区总工会捐了多少？", set()),  # misspelt
        ("居民区有多少人？", set()),
        ("中山大学有多少学生？", set()),
    ],
)
def test_an_area_is_asked_about(question: str, areas: set[tuple[str, str]]) -> None:
    assert {area for area, _ in asked_areas(question)} == {Named(*area) for area in areas}


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("平谷区总工会补贴了多少？", "丰台区总工会补贴了40个单位，大兴区补贴了13户。", True),
        ("丰台区总工会补贴了多少？", "丰台区总工会补贴了40个单位，大兴区补贴了13户。", False),
        ("丰台总工会补贴了多少？", "丰台工会补贴了40个单位，大兴区补贴了13户。", False),
        ("平谷区总工会补贴了多少？", "总工会补贴了40个单位。", False),  # names none
        ("平谷区总工会补贴了多少？", "北京市总工会补贴了40个单位。", False),  # of another sort
        ("平谷区总工会补贴了多少？", "总工会从丰台区买来40箱。", False),  # tells of none
        ("总工会补贴了多少？", "丰台区总工会补贴了40个单位。", False),
        ("上海浦东新区补贴了多少？", "浦东补贴了40个单位。徐汇区没有。", False),
        ("上海浦东新区补贴了多少？", "静安补贴了40个单位。徐汇区没有。", True),
    ],
)
def test_a_passage_tells_of_other_areas(question: str, text: str, other: bool) -> None:
    assert of_other_areas(expected(question), passage(1, text), ()) == other


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("京能集团工会", {("京能", "集团", "工会")}),
        ("在和平里街道和东四街道", {("和平里", "街道", "和"), ("东四", "街道", "")}),
        ("雁栖镇的人", {("雁栖", "镇", "的")}),
        ("从望京医院到华为公司", {("望京", "医院", "到"), ("华为", "公司", "")}),
        ("哪家物业公司与17个街道、各街道的定点医院、国际化酒店和大型集团？", set()),
        ("两个街道和其他街道，乡镇、小镇、农村", set()),
        ("春节期间街道工会到街道去", set()),
        ("The Group's hospital", set()),
        ("", set()),
    ],
)
def test_bodies_are_named_with_their_sort(text: str, named: set[tuple[str, str, str]]) -> None:
    assert {(body.stem, body.sort, behind) for body, behind, _ in bodies_in(text)} == named
    assert all(text[at:].startswith(body.stem) for body, _, at in bodies_in(text))


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        (Named("首钢", "集团"), Named("钢铁", "集团", "首都"), True),
        (Named("能源", "集团", "北京"), Named("京能", "集团"), True),
        (Named("公交", "集团"), Named("北京公交", "集团"), True),
        (Named("京能", "集团"), Named("首钢", "集团"), False),
        (Named("景山", "街道"), Named("天坛", "街道"), False),
    ],
)
def test_an_abbreviated_body_is_the_same(one: Named, other: Named, may: bool) -> None:
    assert may_be_one(one, other) == may_be_one(other, one) == may


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("首钢集团工会补贴了多少？", "京能集团工会补贴了40个单位。", True),
        ("首钢集团工会补贴了多少？", "朝阳区总工会补贴了40个单位。", True),  # before the same word
        ("首钢集团工会补贴了多少？", "首钢工会补贴了40个单位，京能集团没有。", False),
        ("首都钢铁集团工会补贴了多少？", "首钢集团工会补贴了40个单位。", False),
        ("首钢集团工会补贴了多少？", "工会补贴了40个单位。", False),  # names none: it may go without saying
        ("首钢集团补贴了多少？", "朝阳区总工会补贴了40个单位。", False),  # of another sort, and not before a word asked
        ("景山街道有多少人？", "天坛街道有40人。", True),
        ("景山街道有多少人？", "景山有40人，天坛街道没有。", False),
    ],
)
def test_a_passage_tells_of_other_bodies(question: str, text: str, other: bool) -> None:
    assert of_other_areas(expected(question), passage(1, text), ()) == other


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("王磊去了哪里？", ("王磊",)),
        ("请问赵敏芝和欧阳震华去了哪里？", ("赵敏芝", "欧阳震华")),
        ("这属于什么范畴？", ()),
        ("唐建中二年的事", ()),
        ("蒙古为何向金朝复仇？", ()),
        ("韦斯·昂塞尔德是谁？", ()),
        ("Wang Lei", ()),
    ],
)
def test_people_are_named_by_family_and_given_name(text: str, people: tuple[str, ...]) -> None:
    assert people_in(text) == people


@pytest.mark.parametrize(
    ("question", "text", "other"),
    [
        ("赵敏芝在哪个社区站岗？", "王建国在永安社区站岗。", True),
        ("赵敏芝在哪个社区站岗？", "他在永安社区站岗。", True),
        ("赵敏芝在哪个社区站岗？", "赵敏芝和王建国在永安社区站岗。", False),
        ("赵敏芝在哪个社区站岗？", "敏芝同志在永安社区站岗。", False),
        ("赵敏芝在哪个社区站岗？", "赵敏之在永安社区站岗。", False),  # misspelt
        ("赵敏芝和王建国在哪个社区站岗？", "王建国在永安社区站岗。", False),
        ("谁在永安社区站岗？", "王建国在永安社区站岗。", False),
    ],
)
def test_a_passage_tells_of_other_people(question: str, text: str, other: bool) -> None:
    assert of_other_areas(expected(question), passage(1, text), ()) == other


def test_a_byline_names_who_tells_in_the_first_person() -> None:
    asked = expected("赵敏芝在哪个社区站岗？")
    diary = replace(passage(1, "我今天在永安社区站岗。"), byline="区总工会 赵敏芝")
    assert not of_other_areas(asked, diary, ())
    assert not of_other_areas(asked, passage(1, "我今天在永安社区站岗。"), (diary,))  # of the same article


def test_one_character_is_misspelt() -> None:
    assert alike("赵敏芝", "赵敏之")
    assert not alike("赵敏芝", "赵建国")
    assert not alike("王磊", "王雷")  # of two characters half would be another


def test_a_section_headed_by_another_body_is_about_that() -> None:
    """An article may go through all streets, each under a heading."""
    asked = expected("景山街道总工会有多少人？")
    own = replace(passage(1, "共有32人。"), section="景山街道总工会")
    other = replace(passage(1, "共有40人。"), id=2, section="天坛街道总工会")
    beside = replace(passage(1, "共有50人。"), id=3, section="各方都来了")
    assert [of_other_areas(asked, each, (own, other, beside)) for each in (own, other, beside)] == [False, True, False]


def test_what_an_article_names_once_it_is_about() -> None:
    asked, here = expected("平谷区总工会补贴了多少？"), passage(1, "朝阳区总工会买来了40箱。")
    assert of_other_areas(asked, here, (passage(2, "平谷区总工会来了。"),))
    beside = passage(1, "平谷区总工会来了。")  # a passage of the same article
    assert not of_other_areas(asked, here, (beside,))


def test_any_mention_counts_where_another_article_names_the_area() -> None:
    """Else it may go without saying."""
    asked, here = expected("平谷区总工会补贴了多少？"), passage(1, "从朝阳区买来了40箱。")
    assert not of_other_areas(asked, here, (here,))
    assert of_other_areas(asked, here, (here, passage(2, "平谷区总工会来了。")))


def test_a_sentence_tells_of_another_area() -> None:
    text = "丰台区投入139万元。据了解，大兴区总工会帮扶13户。平谷区与丰台区都来了。他们从丰台区买了口罩。"
    seen = layout(text)
    assert tell_of_other_areas(expected("平谷区总工会投入多少？"), seen).tolist() == [True, True, False, False]
    assert tell_of_other_areas(expected("平谷区工会投入多少？"), seen).tolist() == [True, True, False, False]
    assert tell_of_other_areas(expected("工会投入多少？"), seen).tolist() == [False] * 4


OTHERS = "丰台区总工会投入专项资金139万元，对40个基层单位进行补贴。大兴区总工会一对一帮扶13户困难医护人员。"


def test_another_district_s_figure_is_not_told() -> None:
    record = ask("平谷区总工会补贴了多少个基层单位？", (OTHERS,))
    assert (record["status"], record["answer"]) == ("not_found", None)
    assert ask("丰台区总工会补贴了多少个基层单位？", (OTHERS,))["answer"] == "40个"


def test_nor_where_the_passage_has_the_district_too() -> None:
    record = ask("大兴区总工会补贴了多少个基层单位？", (OTHERS,))
    assert (record["status"], record["answer"]) == ("not_found", None)


def test_the_district_s_own_passage_answers_though_another_is_first() -> None:
    other = "东城区总工会设立专项经费1000万元，拿出100万元慰问。"
    record = ask("丰台区总工会拿出了多少专项经费？", (other, OTHERS))
    assert record["answer"] == "139万元"
    assert record["passages"][0]["source"]["file"] == "1.txt"


@pytest.mark.parametrize("group", ["首钢", "北汽", "首农"])
def test_what_is_told_of_one_company_is_not_found_of_another(seeds_bot: Bot, group: str) -> None:
    record = seeds_bot.ask(f"{group}集团工会为慰问拨了多少专款？")
    assert (record["status"], record["answer"]) == ("not_found", None)


@pytest.mark.parametrize("person", ["李建国", "王磊", "陈晓东"])
@pytest.mark.parametrize("question", ["{}是哪天去通州农村防疫的？", "{}给闹矛盾的居民做说明疏解，用的是什么角度？"])
def test_what_one_person_did_is_not_found_of_another(seeds_bot: Bot, question: str, person: str) -> None:
    record = seeds_bot.ask(question.format(person))
    assert (record["status"], record["answer"]) == ("not_found", None)


@pytest.mark.parametrize(
    "street", ["和平里", "龙潭", "东花市", "前门", "崇外", "交道口", "永外", "天坛", "东四", "朝阳门"]
)
def test_what_one_street_did_is_not_found_of_another(seeds_bot: Bot, street: str) -> None:
    asked = "景山街道总工会三八节发了多少口罩？"
    for record in (
        seeds_bot.ask(f"{street}街道总工会三八节发了多少口罩？"),
        seeds_bot.ask(f"那{street}街道呢？", history=[asked]),
    ):
        assert "8000" not in str(record["answer"])
    assert seeds_bot.ask(asked)["answer"] == "8000个"


@pytest.mark.parametrize("district", ["石景山区", "房山区", "昌平区", "大兴区", "通州区"])
@pytest.mark.parametrize(
    "question",
    ["{}总工会驰援香河园街道社区共计多少人次？", "{}总工会的防疫专项资金分几批拨付？", "许汇在{}人大担任什么职务？"],
)
def test_what_is_told_of_one_district_is_not_found_of_another(seeds_bot: Bot, question: str, district: str) -> None:
    record = seeds_bot.ask(question.format(district))
    assert (record["status"], record["answer"]) == ("not_found", None)


def test_who_misspells_a_district_means_the_one_that_is_there(seeds_bot: Bot) -> None:
    record = seeds_bot.ask("怀肉区总工会的疫情防控员在哪个小区值守")
    assert record["status"] == "answered"
    assert "御华园小区" in str(record["answer"])
