"""Reading: every format gives the expected text with its headings; a wrong encoding is never taken in silence."""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import docx
import pytest
from docx.document import Document as Word
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.text.paragraph import Paragraph
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qa.errors import UsageError
from qa.reading import Document, Found, Problem, ReadingError, load, parse, read, shown_name, walk
from qa.reading.decoding import decode

ROOT = Path(__file__).parents[1]
INPUTS = Path(__file__).parent / "reading"
CASES = sorted(path.name.removesuffix(".json") for path in INPUTS.glob("*.json"))

BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
PROSE = "社区图书馆周末开放到晚上九点，读者可以借阅两万多册图书。馆长说，下班以后也能来看书，这是大家提得最多的意见。"


def headings(document: Document) -> list[str]:
    return [f"{heading.level} {document.text[heading.start : heading.end]}" for heading in document.headings]


def test_every_input_file_has_its_expected_text() -> None:
    inputs = {path.name for path in INPUTS.iterdir() if path.suffix != ".json" and not path.name.startswith(".")}
    assert len(CASES) >= 15
    assert inputs == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_file_reads_as_expected(name: str) -> None:
    expected = json.loads((INPUTS / f"{name}.json").read_text("utf-8"))
    document = read(Found(INPUTS / name, name, "reading"))
    assert document.text.split("\n") == expected["lines"]
    assert document.encoding == expected["encoding"]
    assert headings(document) == expected["headings"]
    assert document.file == name
    assert document.sha256 == hashlib.sha256((INPUTS / name).read_bytes()).hexdigest()


# --- decoding ---

ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff")).filter(
    lambda text: text[:1] not in "%P{"
)
CHINESE = st.text(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from("，。、\r\n 2𠮷"), min_size=1
)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(ANY_TEXT)
def test_utf8_gives_back_every_text(text: str) -> None:
    assert parse("a.txt", text.encode()).text == text
    assert parse("a.txt", b"\xef\xbb\xbf" + text.encode()).text == text


@settings(deadline=None)
@given(ANY_TEXT, st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]))
def test_utf16_and_utf32_with_their_mark_give_back_every_text(text: str, codec: str) -> None:
    document = parse("a.txt", f"\ufeff{text}".encode(codec))
    assert (document.text, document.encoding) == (text, codec)


@settings(deadline=None)
@given(CHINESE)
def test_gb18030_by_the_owners_word_gives_back_every_chinese_text(text: str) -> None:
    data = text.encode("gb18030")
    assume(data.isascii() or not is_utf8(data))
    assert parse("a.txt", data, "GB18030").text == text


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_decoded_exactly_or_refused(data: bytes) -> None:
    try:
        decoded = decode("a.txt", data)
    except ReadingError as error:
        refused = error
    else:
        encoded = decoded.text.encode(decoded.encoding)
        assert data in {mark + encoded for mark in (b"", *BOMS)}
        assert "\0" not in decoded.text
        return
    assert refused.code in {"NOT_TEXT", "BINARY_OR_NUL", "ENCODING_INVALID", "ENCODING_AMBIGUOUS", "ENCODING_UNKNOWN"}
    assert refused.message.startswith("a.txt: ")


@pytest.mark.parametrize("text", ["北京", "口罩", "图书馆", "王芳", "8000个口罩", "工会", "今天开会。"])
def test_short_gbk_texts_are_read_as_such(text: str) -> None:
    assert parse("a.txt", text.encode("gbk")).text == text


def test_no_stretch_of_the_sample_pages_in_gbk_is_ever_read_wrongly() -> None:
    pages = [path.read_text("utf-8") for path in sorted((ROOT / "seeds").glob("0*.txt"))]
    assert pages
    stretches = [page[start : start + 12] for page in pages for start in range(0, len(page), 12)]
    refused = 0
    for stretch in stretches:
        data = stretch.encode("gb18030")
        try:
            assert parse("a.txt", data).text == stretch
        except ReadingError:
            refused += 1
    assert refused <= len(stretches) / 100


@pytest.mark.parametrize(
    ("codec", "text"), [("big5", "圖書館週末開放到晚上九點"), ("cp932", "図書館は週末も開いています")]
)
def test_another_encoding_is_taken_with_a_note_that_names_it_and_the_runner_up(codec: str, text: str) -> None:
    document = parse("a.txt", text.encode(codec))
    assert document.text == text
    assert document.encoding_note is not None
    assert codec in document.encoding_note
    assert "gb18030 next" in document.encoding_note


def test_where_two_encodings_fit_alike_the_owner_is_asked() -> None:
    data = "도서관은".encode("euc_kr")  # four hangul, as well four Chinese characters of GB 2312
    with pytest.raises(ReadingError, match="--encoding") as caught:
        parse("a.txt", data)
    assert caught.value.code == "ENCODING_AMBIGUOUS"
    assert parse("a.txt", data, "euc_kr").text == "도서관은"


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r"])
def test_russian_of_one_byte_a_letter_is_refused_until_named(codec: str) -> None:
    text = "Библиотека открыта по выходным до девяти часов вечера."
    with pytest.raises(ReadingError) as caught:
        parse("a.txt", text.encode(codec))
    assert caught.value.code == "ENCODING_UNKNOWN"
    assert parse("a.txt", text.encode(codec), codec).text == text


def test_the_owners_encoding_decides_where_utf8_may_be_chance_and_not_where_it_cannot() -> None:
    chance = "拢".encode("gbk")  # C2 A3: a pound sign in UTF-8
    assert parse("a.txt", chance).text == "£"
    assert parse("a.txt", chance, "gbk").text == "拢"
    certain = parse("a.txt", PROSE.encode(), "latin-1")
    assert certain.text == PROSE
    assert certain.encoding_note == "read as utf-8, which it is beyond chance, not as iso8859-1"


def test_a_file_that_the_owners_encoding_does_not_fit_is_read_as_what_it_is() -> None:
    document = parse("a.txt", PROSE.encode("gbk"), "utf-8")
    assert (document.text, document.encoding) == (PROSE, "gb18030")


@pytest.mark.parametrize("name", ["gbk2", "hex", "", "a\0b"])
def test_an_unknown_encoding_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse("a.txt", b"text", name)
    assert caught.value.code == "ENCODING_NAME"


def test_damage_is_told_with_its_byte() -> None:
    data = PROSE.encode()
    damaged = data[:90] + b"\xff" + data[91:]
    with pytest.raises(ReadingError, match="byte 90 ") as caught:
        parse("a.txt", damaged)
    assert caught.value.code == "ENCODING_INVALID"
    with pytest.raises(ReadingError, match="byte 6 "):
        parse("a.txt", b"\xff\xfe" + "图书".encode("utf-16-le") + b"\x00")


# --- walking ---


def names(*paths: Path) -> list[str]:
    return [item.file for item in walk(paths) if isinstance(item, Found)]


def problems(*paths: Path) -> list[tuple[str, str]]:
    return [(item.file, item.code) for item in walk(paths) if isinstance(item, Problem)]


def put(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(PROSE, "utf-8")


def test_a_folder_is_walked_by_name_and_only_known_kinds_count(tmp_path: Path) -> None:
    put(tmp_path, "b.txt", "a/z.md", "a/b/c.HTML", "c.pdf", "d.docx", "e.jpg", "Makefile", "a.csv")
    assert names(tmp_path) == ["a/b/c.HTML", "a/z.md", "b.txt", "c.pdf", "d.docx"]
    assert problems(tmp_path) == []
    assert {item.root for item in walk([tmp_path]) if isinstance(item, Found)} == {tmp_path.name}


def test_hidden_files_and_readmes_are_passed_over_unless_named(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", ".hidden.txt", ".git/b.txt", "~$c.docx", "README.md", "sub/readme.zh.txt", "readmes.txt")
    assert names(tmp_path) == ["a.txt", "readmes.txt"]
    assert names(tmp_path / "README.md", tmp_path / ".hidden.txt", tmp_path / ".git") == [
        "README.md",
        ".hidden.txt",
        "b.txt",
    ]


def test_a_named_file_of_another_kind_and_a_missing_path_are_told(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.txt")
    paths = [tmp_path / "a.jpg", tmp_path / "none", tmp_path / "b.txt"]
    assert problems(*paths) == [(str(paths[0]), "UNSUPPORTED_FORMAT"), (str(paths[1]), "FILE_NOT_FOUND")]
    assert names(*paths) == ["b.txt"]


def test_a_file_reached_twice_is_read_once_and_a_name_is_given_once(tmp_path: Path) -> None:
    put(tmp_path, "one/a.txt", "two/a.txt", "two/b.txt")
    one, two = tmp_path / "one", tmp_path / "two"
    assert names(one, one / "a.txt", one / ".." / "one") == ["a.txt"]
    assert problems(one, one / "a.txt", one) == []
    assert names(one, two) == ["a.txt", "b.txt"]
    assert problems(one, two) == [("a.txt", "NAME_TAKEN")]
    assert names(tmp_path) == ["one/a.txt", "two/a.txt", "two/b.txt"]


@settings(deadline=None, max_examples=25)
@given(st.sets(st.text("ab中/", min_size=1, max_size=6), max_size=8), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_creation(stems: set[str], random: Random) -> None:
    files = [f"{name}.txt" for name in {"/".join(filter(None, stem.split("/"))) for stem in stems} if name]
    shuffled = random.sample(files, len(files))
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        put(Path(first), *files)
        put(Path(second), *shuffled)
        assert names(Path(first)) == names(Path(second)) == sorted(files, key=lambda file: file.split("/"))


def test_the_hash_is_of_the_bytes_read_while_the_file_grows(tmp_path: Path) -> None:
    put(tmp_path, "a.txt")
    (found,) = (item for item in walk([tmp_path]) if isinstance(item, Found))
    data = load(found)
    with found.path.open("ab") as file:
        file.write(b"more")
    document = parse(found.file, data)
    assert document.text == PROSE
    assert document.sha256 == hashlib.sha256(PROSE.encode()).hexdigest()


def test_a_file_that_vanished_or_is_too_large_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.txt")
    found = Found(tmp_path / "a.txt", "a.txt", "")
    size = len(PROSE.encode())
    assert read(found, max_bytes=size).text == PROSE
    with pytest.raises(ReadingError) as caught:
        read(found, max_bytes=size - 1)
    assert caught.value.code == "FILE_TOO_LARGE"
    found.path.unlink()
    with pytest.raises(ReadingError) as caught:
        read(found)
    assert caught.value.code == "FILE_NOT_FOUND"
    assert caught.value.exit_code == 3


def test_a_name_is_shown_without_anything_that_acts() -> None:
    assert shown_name("a\x1b[31m\u202etxt\n\udcff中.txt") == r"a\x1b[31m\u202etxt\n\udcff中.txt"


# --- formats ---


def word(document: Word) -> Document:
    file = io.BytesIO()
    document.save(file)
    return parse("a.docx", file.getvalue())


def test_docx_gives_paragraphs_tables_and_headings_in_their_order() -> None:
    document = docx.Document()
    document.add_heading("河道清淤", 1)
    document.add_paragraph("入冬以来，沿河各村清出淤泥三百方。")
    document.add_heading("各村", 2)
    table = document.add_table(2, 2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), ["村", "方", "上游", "100"], strict=True):
        cell.text = text
    document.add_paragraph("完\t了\n下一行")
    document.add_paragraph("")
    read_back = word(document)
    assert read_back.text == (
        "河道清淤\n\n入冬以来，沿河各村清出淤泥三百方。\n\n各村\n\n村\t方\n上游\t100\n\n完\t了\n下一行"
    )
    assert headings(read_back) == ["1 河道清淤", "2 各村"]
    assert read_back.encoding == ""


def test_docx_headings_are_known_whatever_the_style_is_called_by_the_user() -> None:
    document = docx.Document()
    document.styles["Heading 1"].element.set(qn("w:styleId"), "1")  # as a Chinese Word writes it
    based = document.styles.add_style("栏目", WD_STYLE_TYPE.PARAGRAPH)
    based.base_style = document.styles["Heading 2"]
    document.add_paragraph("一级").paragraph_format.element.get_or_add_pPr().style = "1"
    document.add_paragraph("二级", style="栏目")
    outlined = document.add_paragraph("三级")
    level = OxmlElement("w:outlineLvl")
    level.set(qn("w:val"), "2")
    outlined.paragraph_format.element.get_or_add_pPr().append(level)
    document.add_paragraph("正文")
    assert headings(word(document)) == ["1 一级", "2 二级", "3 三级"]


def test_docx_headings_stand_below_a_title() -> None:
    document = docx.Document()
    document.add_heading("年报", 0)
    document.add_heading("用水", 1)
    document.add_paragraph("正文")
    assert headings(word(document)) == ["1 年报", "2 用水"]


def test_docx_layout_cells_keep_their_paragraphs_and_nested_tables_come_once() -> None:
    document = docx.Document()
    left, right = document.add_table(1, 2).rows[0].cells
    left.text = "左栏"
    right.paragraphs[0].text = "右栏一"
    right.add_paragraph("右栏二")
    inner = right.add_table(1, 2).rows[0].cells
    inner[0].text, inner[1].text = "甲", "乙"
    assert word(document).text == "左栏\n\n右栏一\n\n右栏二\n\n甲\t乙"


def test_docx_keeps_what_was_inserted_and_boxed_and_drops_what_was_struck_out() -> None:
    document = docx.Document()
    paragraph: Paragraph = document.add_paragraph("三")
    for xml in (
        "<w:ins {}><w:r><w:t>百</w:t></w:r></w:ins>",
        "<w:del {}><w:r><w:delText>千</w:delText></w:r></w:del>",
        (
            "<w:r {}><w:t>方</w:t><w:pict><w:txbxContent>"
            "<w:p><w:r><w:t>图注</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>"
        ),
    ):
        paragraph._p.append(parse_xml(xml.format(nsdecls("w"))))
    assert word(document).text == "三百方\n\n图注"


def test_pdf_words_hyphenated_at_a_line_end_are_joined_by_a_soft_hyphen() -> None:
    data = (INPUTS / "two-pages.pdf").read_bytes()
    data = data.replace(b"Town library opens until nine", b"Town library open in the eve-")
    data = data.replace(b"Readers may borrow 20,000 books.", b"ning and readers may borrow one.")
    assert parse("a.pdf", data).text.startswith(
        "Town library open in the eve\u00adning and readers may borrow one.\n\n"
    )


WORD = io.BytesIO()
docx.Document().save(WORD)


@settings(deadline=None)
@given(
    st.sampled_from([("a.docx", WORD.getvalue()), ("a.pdf", (INPUTS / "two-pages.pdf").read_bytes())]),
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=4
    ),
)
def test_a_damaged_document_is_read_or_refused_and_nothing_else(
    file: tuple[str, bytes], damages: list[tuple[float, bytes, int]]
) -> None:
    name, data = file
    for place, inserted, removed in damages:
        index = int(place * len(data))
        data = data[:index] + inserted + data[index + removed :]
    try:
        assert parse(name, data).text.strip()
    except ReadingError as error:
        code = error.code
    else:
        return
    assert code in {"PARSE_FAILED", "NO_TEXT", "ARCHIVE_TOO_LARGE"}


def test_a_page_nested_beyond_the_recursion_limit_is_read() -> None:
    assert parse("a.html", b"<div>" * 20_000 + "深处".encode() + b"</div>" * 20_000).text == "深处"


def test_a_page_that_declares_the_wrong_encoding_is_read_rightly() -> None:
    page = f'<meta charset="{{}}"><p>{PROSE}</p>'
    assert parse("a.html", page.format("gb2312").encode()).text == PROSE
    assert parse("a.html", page.format("utf-8").encode("gbk")).text == PROSE
    assert parse("a.html", page.format("no-such").encode("gbk")).text == PROSE
    assert parse("a.html", page.format("utf-16").encode()).text == PROSE


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        # What browsers take for each: the Encoding Standard's table of labels, https://encoding.spec.whatwg.org/
        ("gb2312", "gb18030", "喆、镕"),
        ("gbk", "gb18030", "𠮷野家"),
        ("iso-8859-1", "cp1252", "“naïve”"),
        ("shift_jis", "cp932", "①髙島屋"),
        ("euc-kr", "cp949", "똠방각하"),
        ("big5", "big5", "圖書館"),
        ("koi8-r", "koi8-r", "Библиотека"),
    ],
)
def test_a_declared_encoding_is_read_as_browsers_read_it(declared: str, codec: str, text: str) -> None:
    document = parse("a.html", f'<meta charset="{declared}"><p>{text}</p>'.encode(codec))
    assert (document.text, document.encoding) == (text, codec)


@pytest.mark.parametrize(
    "frame",
    ["<nav>", "<aside>"] + [f"<div role={role}>" for role in ("navigation", "complementary", "banner", "contentinfo")],
)
def test_what_frames_a_page_is_no_text_of_it(frame: str) -> None:
    page = f"{frame}首页 订阅 关于我们</{frame[1:].partition(' ')[0].rstrip('>')}><main>{PROSE}</main>"
    assert parse("a.html", f'<meta charset="utf-8">{page}'.encode()).text == PROSE


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (f"<nav>首页 新闻</nav><h1>头条</h1><p>{PROSE}</p><footer>版权所有</footer>", f"头条\n\n{PROSE}"),
        (f"<div role=navigation>首页</div><p>{PROSE}</p><div role=contentinfo>版权所有</div>", PROSE),
        (f"<header><h1>头条</h1></header><p>{PROSE}</p><aside>另一则</aside>", f"头条\n\n{PROSE}\n\n另一则"),
        (f"<div><p>{PROSE}</p><footer>王敏</footer></div>", f"{PROSE}\n\n王敏"),  # of a part of the page
        ("<nav>首页 新闻</nav><footer>版权所有</footer>", "首页 新闻\n\n版权所有"),  # all there is
    ],
)
def test_a_page_that_marks_no_body_has_its_navigation_and_footer_left_out(page: str, text: str) -> None:
    assert parse("a.html", f'<meta charset="utf-8"><body>{page}'.encode()).text == text


@pytest.mark.parametrize("element", ["main", "article", "section", "figure", "div", "p"])
def test_a_page_needs_no_tag_for_its_body(element: str) -> None:
    # HTML lets a page leave it out; the parser then takes elements that are newer than HTML 4 for parts of the head.
    page = f'<!doctype html><meta charset="utf-8"><title>图书馆</title><{element}>{PROSE}</{element}>'
    assert parse("a.html", page.encode()).text == PROSE


def test_a_page_made_by_scripts_alone_is_told() -> None:
    with pytest.raises(ReadingError) as caught:
        parse("a.html", b"<body><script>show()</script></body>")
    assert caught.value.code == "NO_TEXT"


def test_the_libraries_of_the_formats_are_loaded_only_when_such_a_file_is_read() -> None:
    code = "import sys, qa.reading; print(sorted({'bs4', 'docx', 'lxml', 'pypdfium2'} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize(
    ("head", "codec", "encoding", "note"),
    [
        ('<meta charset="big5">', "big5", "big5", "as the page declares"),
        ('<meta charset="utf-8">', "utf-8", "utf-8", None),
        (" " * 4_000 + '<meta charset="big5">', "big5", "big5", "as the page declares"),
    ],
)
def test_the_note_says_when_a_page_declared_its_encoding(
    head: str, codec: str, encoding: str, note: str | None
) -> None:
    document = parse("a.html", f"{head}<p>圖書館週末開放到晚上九點</p>".encode(codec))
    assert (document.text, document.encoding, document.encoding_note) == ("圖書館週末開放到晚上九點", encoding, note)


def test_a_declaration_too_far_down_is_none() -> None:
    late = " " * 5_000 + f'<meta charset="koi8-r"><p>{PROSE}</p>'
    document = parse("a.html", late.encode("gb18030"))
    assert (document.text, document.encoding) == (PROSE, "gb18030")


@pytest.mark.parametrize("body", ["main", "article", "div role=main"])
@pytest.mark.parametrize("hidden", ["hidden", 'style="color:red; display : none"', 'style="visibility:hidden"'])
def test_only_what_a_reader_sees_of_the_body_is_text(body: str, hidden: str) -> None:
    inside = f"<header>头条</header><p {hidden}>看不见</p><p>{PROSE}</p>"
    page = f"<body><header>栏目</header><{body}>{inside}</{body.partition(' ')[0]}><footer>版权</footer>"
    assert parse("a.html", f'<meta charset="utf-8">{page}'.encode()).text == f"头条\n\n{PROSE}"
