"""Reading, to the last word: what each refusal says, and where exactly each limit lies."""

from __future__ import annotations

import codecs
import errno
import io
import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pypdfium2
import pytest

from qa.errors import UsageError
from qa.reading import Found, Problem, ReadingError, archives, load, parse, shown_name, walk
from qa.reading.plausible import nats
from qa.reading.walking import unreachable

INPUTS = Path(__file__).parent / "reading"
PDF = (INPUTS / "two-pages.pdf").read_bytes()
KNOWN = ".docx, .htm, .html, .markdown, .md, .pdf, .text, .txt"
TOLD = "say which it is with --encoding, such as --encoding big5."
CONVERT = "convert it, or name its encoding with --encoding."


def refusal(file: str, data: bytes, encoding: str | None = None) -> tuple[str, str]:
    with pytest.raises(ReadingError) as caught:
        parse(file, data, encoding)
    assert caught.value.field is None
    return caught.value.code, caught.value.message


# --- decoding ---


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%PDF-1.7", "a PDF file"),
        (b"PK\x03\x04", "a ZIP archive (docx, xlsx, epub and the like are such)"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file, or one with a password"),
        (b"\x7fELF", "a program (ELF)"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"GIF87a", "a GIF picture"),
        (b"GIF89a", "a GIF picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"\x1f\x8b\x08", "gzip data"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07\0", "a RAR archive"),
        (b"{\\rtf1", "an RTF document"),
        (b"SQLite format 3\0", "an SQLite database"),
    ],
)
def test_a_binary_file_is_called_by_its_kind(start: bytes, kind: str) -> None:
    for data in (start, start + b" and more"):
        message = f"a.md: its content is {kind}, not text; rename it or leave it out."
        assert refusal("a.md", data) == ("NOT_TEXT", message)
    assert refusal("a.docx", start)[1].startswith("a.docx: can't be read as a DOCX: ")


UTF8 = "图书馆周末开放".encode()
GBK = "晚上九点".encode("gbk")


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (
            codecs.BOM_UTF8 + b"ab\xff",
            "ENCODING_INVALID",
            f"byte 5 isn't valid utf-8, though it begins with that encoding's mark; {CONVERT}",
        ),
        (
            codecs.BOM_UTF16_LE + b"a\0b",
            "ENCODING_INVALID",
            f"byte 4 isn't valid utf-16-le, though it begins with that encoding's mark; {CONVERT}",
        ),
        (
            codecs.BOM_UTF32_BE + b"\0\0\0a\xff\0\0\0",
            "ENCODING_INVALID",
            f"byte 8 isn't valid utf-32-be, though it begins with that encoding's mark; {CONVERT}",
        ),
        (
            b"ab" + UTF8 + GBK,
            "ENCODING_INVALID",
            "byte 23 isn't valid utf-8, though bytes 2 to 23 are; it is damaged or of several encodings; " + CONVERT,
        ),
        (
            GBK + b" " + UTF8[:18] + GBK,
            "ENCODING_INVALID",
            "byte 0 isn't valid utf-8, though bytes 9 to 27 are; it is damaged or of several encodings; " + CONVERT,
        ),
        (b"a\0b\0c\0!", "BINARY_OR_NUL", "holds 3 NUL, so it is no text or a damaged one; remove them."),
        (
            codecs.BOM_UTF16_LE + "a\0b\0".encode("utf-16-le"),
            "BINARY_OR_NUL",
            "holds 2 NUL, so it is no text or a damaged one; remove them.",
        ),
        (
            "Книги".encode("cp1251"),
            "ENCODING_UNKNOWN",
            f"its bytes make no plausible text in any encoding that can be guessed; {TOLD}",
        ),
        (
            "도서관은".encode("euc_kr"),
            "ENCODING_AMBIGUOUS",
            f"it may be cp949 or gb18030, about equally likely; {TOLD}",
        ),
    ],
)
def test_what_cant_be_decoded_says_why_and_where(data: bytes, code: str, message: str) -> None:
    assert refusal("a.txt", data) == (code, f"a.txt: {message}")


def test_an_unknown_encoding_is_told_with_its_field_and_others_to_try() -> None:
    with pytest.raises(UsageError) as caught:
        parse("a.txt", b"text", "gbk2")
    assert (caught.value.code, caught.value.field) == ("ENCODING_NAME", "encoding")
    assert caught.value.message == (
        "--encoding 'gbk2' is no encoding that Python knows; try gb18030, big5, shift_jis, euc_kr or utf-16."
    )


@pytest.mark.parametrize(
    ("data", "encoding", "text", "codec", "note"),
    [
        (b"plain", None, "plain", "utf-8", None),
        ("图".encode(), "UTF8", "图", "utf-8", None),
        ("图书".encode("gbk"), "GBK", "图书", "gbk", "as named by --encoding"),
        # 15 characters beyond ASCII of two bytes each may be chance, 16 are none.
        ("£".encode() * 15, "gbk", "拢" * 15, "gbk", "as named by --encoding"),
        ("£".encode() * 16, "gbk", "£" * 16, "utf-8", "read as utf-8, which it is beyond chance, not as gbk"),
        # Five Chinese characters of UTF-8 in a row are chance, and this is GB18030, whatever it says.
        (
            UTF8[:15] + b"\xff",
            "latin-1",
            (UTF8[:15] + b"\xff").decode("latin-1"),
            "iso8859-1",
            "as named by --encoding",
        ),
        ("𠮷a".encode("gb18030"), None, "𠮷a", "gb18030", "no UTF-8; gb18030 is the only encoding that fits"),
    ],
)
def test_the_note_says_what_the_choice_rests_on(
    data: bytes, encoding: str | None, text: str, codec: str, note: str | None
) -> None:
    document = parse("a.txt", data, encoding)
    assert (document.text, document.encoding, document.encoding_note) == (text, codec, note)


@pytest.mark.parametrize("prefix", ["", "Books ", "2020"])
def test_a_judgement_is_told_with_its_lead_over_the_next(prefix: str) -> None:
    """UTF-16 without a mark: both byte orders fit, and the whole of a text with ASCII letters is judged."""
    text = prefix + "聊书馆周末开放到晚上九点，读者可以借阅两万多册图书。"
    data = text.encode("utf-16-le")
    languages = ("zh-Hans", "zh-Hant", "ja", "ko")
    lead = nats(data.decode("utf-16-be"), languages) - nats(text, languages)
    document = parse("a.txt", data)
    assert (document.text, document.encoding) == (text, "utf-16-le")
    if prefix:  # with NULs, nothing but UTF-16 is considered
        assert document.encoding_note == (
            f"no UTF-8; judged to be utf-16-le, with utf-16-be next, {lead:.0f} nats less likely"
        )


@pytest.mark.parametrize("ahead", ["", "a", "ab", "abc " * 3000])
def test_where_the_ascii_ends_makes_no_difference_to_the_judgement(ahead: str) -> None:
    text = "圖書館週末開放到晚上九點"
    document = parse("a.txt", (ahead + text).encode("big5"))
    assert (document.text, document.encoding) == (ahead + text, "big5")


# --- how likely a text is ---

# How many characters each tier has, as the standards count them.
GB2312_FIRST, GB2312_SECOND = 3755, 3008
BIG5_FIRST, BIG5_SECOND = 5401, 7652
JIS_FIRST, JIS_SECOND = 2965, 3390
KS_HANGUL, KS_HANJA = 2350, 4888


@pytest.mark.parametrize(
    ("char", "language", "share", "count"),
    [
        ("a", "zh-Hans", 0.10, 95 + 4),
        ("\t", "ja", 0.10, 95 + 4),
        ("~", "ko", 0.10, 95 + 4),
        ("亍", "zh-Hans", 0.012, GB2312_SECOND),  # the first and the last of their levels
        ("齄", "zh-Hans", 0.012, GB2312_SECOND),
        ("圖", "zh-Hans", 0.003, 0xA000 - 0x4E00 - GB2312_FIRST - GB2312_SECOND),
        ("乂", "zh-Hant", 0.012, BIG5_SECOND),
        ("ぁ", "ja", 0.45, 0x3097 - 0x3041),
        ("ゖ", "ja", 0.45, 0x3097 - 0x3041),
        ("゠", "ja", 0.10, 0x30FF - 0x30A0 - 1),  # all but the middle dot, which is a mark of them all
        ("ヾ", "ja", 0.10, 0x30FF - 0x30A0 - 1),
        ("亜", "ja", 0.24, JIS_FIRST),
        ("腕", "ja", 0.24, JIS_FIRST),
        ("弌", "ja", 0.005, JIS_SECOND),
        ("熙", "ja", 0.005, JIS_SECOND),
        ("詰", "ko", 0.004, KS_HANJA),
        ("伽", "ko", 0.004, KS_HANJA),
        ("힣", "ko", 0.001, 0xD7A4 - 0xAC00 - KS_HANGUL),
        ("ø", "zh-Hans", 0.001, 1000),
        ("가", "zh-Hans", 0.001, 1000),
        ("啊", "ko", 0.001, 1000),
    ],
)
def test_a_characters_cost_is_that_of_its_tier(char: str, language: str, share: float, count: int) -> None:
    assert nats(char, [language]) == pytest.approx(math.log(count / share), abs=1e-12)


@pytest.mark.parametrize(
    ("common", "other", "language", "shares", "whole"),
    [
        ("的", "啊", "zh-Hans", (0.36, 0.42), GB2312_FIRST),
        # Python's codec has the signs behind the last of them as well, such as ① and ⑴.
        ("的", "乙", "zh-Hant", (0.36, 0.42), BIG5_FIRST + 93),
        ("이", "각", "ko", (0.45, 0.34), KS_HANGUL),
        # The signs of GB 2312 without kana, and two marks that Unicode has twice: the middle dot and the dash.
        ("，", "Ω", "ja", (0.10, 0.004), 682 - 83 - 86 + 2),
    ],
)
def test_the_commonest_and_the_others_make_up_the_standards_everyday_characters(
    common: str, other: str, language: str, shares: tuple[float, float], whole: int
) -> None:
    counts = [math.exp(nats(char, [language])) * share for char, share in zip((common, other), shares, strict=True)]
    assert counts == [pytest.approx(round(count), abs=1e-6) for count in counts]
    assert round(sum(counts)) == whole
    assert counts[0] < 250 < counts[1]


def test_a_text_costs_the_sum_of_its_characters_in_the_language_that_suits_it_best() -> None:
    assert nats("", ["zh-Hans", "ja"]) == 0
    assert nats("啊a", ["zh-Hans"]) == nats("啊", ["zh-Hans"]) + nats("a", ["zh-Hans"])
    assert nats("ぁ", ["zh-Hans", "ja", "ko"]) == nats("ぁ", ["ja"]) < nats("ぁ", ["zh-Hans"])


# --- pages ---

META = '<meta charset="utf-8">'


@pytest.mark.parametrize(
    ("body", "text", "headings"),
    [
        ("a<br>b", "a\nb", []),
        ("a<br><br>b", "a\n\nb", []),
        ("a<br><br><br>b", "a\n\nb", []),
        ("<br>a<br>", "a", []),
        (" a \n\t b<b> c</b>d ", "a b cd", []),
        ("<p>a</p>b<p>c", "a\n\nb\n\nc", []),
        ("<pre> a\n  b </pre>c", " a\n  b \n\nc", []),
        ("<h1>a</h1><p>b</p><h6>c <i>d</i></h6>e", "a\n\nb\n\nc d\n\ne", [(0, 1, 1), (6, 9, 6)]),
        ("<h2></h2>a<h3>b</h3>", "a\n\nb", [(3, 4, 3)]),
        ("<table><tr><td>a<td>b<tr><th>c<th>d</table>e", "a\tb\nc\td\n\ne", []),
        ("<table><tr><td><p>a</p><td><p>b</p><td></td><td>c</table>", "a\tb\tc", []),
        ("<table><tr><td><p>a</p><p>b</p><td>c</table>", "a\n\nb\n\nc", []),
        ("<table><tr><td>a<td><h4>b</h4></table>", "a\n\nb", [(3, 4, 4)]),
        ("<ul><li>a<li>b</ul>", "a\n\nb", []),
        ("<p><ruby>字<rp>(</rp><rt>zi</rt><rp>)</rp></ruby>号", "字号", []),
        ("a<!-- no --><script>x</script><style>y</style><textarea>z</textarea>b", "ab", []),
        ("<p style='display:none'>a</p><p style='x-display:none'>b</p>", "b", []),
        ("<p style='DISPLAY : NONE'>a</p><p style='color:red;visibility :hidden'>b</p>c", "c", []),
        ("<header>a</header><footer>b</footer>", "a\n\nb", []),
        ("<nav>a</nav><div role=main>b<nav>c</nav><header>d</header></div><header>e</header>", "b\n\nd", []),
        ("<div role=search>a</div><article><p>b</p></article><div>c</div>", "b\n\nc", []),
    ],
)
def test_a_page_gives_what_a_reader_sees(body: str, text: str, headings: list[tuple[int, int, int]]) -> None:
    document = parse("a.html", f"{META}{body}".encode())
    assert document.text == text
    assert [(heading.start, heading.end, heading.level) for heading in document.headings] == headings


@pytest.mark.parametrize("label", ["utf-16", "utf-16le", "utf-16be", "utf-8", "utf-32", "utf-7", "utf-8-sig", "hex"])
def test_a_declaration_that_its_own_letters_belie_is_none(label: str) -> None:
    """Few characters beyond ASCII, so that the declared encoding would be tried: and it would fit."""
    for body in ("<p>é+AGE-</p>", "<p>é+AGE- </p>"):  # of even and of odd length
        document = parse("a.html", f'<meta charset="{label}">{body}'.encode())
        assert (document.text, document.encoding, document.encoding_note) == ("é+AGE-", "utf-8", None)


def test_a_page_of_scripts_says_how_to_save_it_and_an_empty_one_is_empty() -> None:
    message = "a.htm: the page has no text but what scripts make; save it as a browser shows it."
    assert refusal("a.htm", b"<script>1</script>") == ("NO_TEXT", message)
    assert parse("a.htm", b" \n").text == ""


# --- PDF ---


LOCKED = PDF.replace(
    b"/Root 1 0 R >>",
    b"/Root 1 0 R /ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> >>"
    % (b"11" * 32, b"22" * 32),
)


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"plain", "PARSE_FAILED", "can't be read as a PDF: it is something else."),
        (b"\x89PNG\r\n\x1a\n", "PARSE_FAILED", "can't be read as a PDF: it is a PNG picture."),
        (b" " * 1020 + PDF, "PARSE_FAILED", "can't be read as a PDF: it is something else."),
        (LOCKED, "PARSE_FAILED", "can't be read as a PDF: it needs a password; save it without one."),
        (
            PDF.replace(b"Tj", b"  "),
            "NO_TEXT",
            "its 2 pages hold pictures only; run it through text recognition (OCR) first.",
        ),
    ],
)
def test_what_is_no_pdf_with_text_says_what_it_is(data: bytes, code: str, message: str) -> None:
    assert refusal("a.pdf", data) == (code, f"a.pdf: {message}")


def test_a_damaged_pdf_is_told_with_what_its_reader_says() -> None:
    data = b"%PDF-1.7\n"
    with pytest.raises(pypdfium2.PdfiumError) as said:
        pypdfium2.PdfDocument(data)
    message = f"a.pdf: can't be read as a PDF: it is damaged, or has no pages ({said.value})."
    assert refusal("a.pdf", data) == ("PARSE_FAILED", message)


def test_a_pdf_may_begin_within_its_first_kibibyte() -> None:
    assert parse("a.pdf", b" " * 1019 + PDF).text == parse("a.pdf", PDF).text


# --- Word ---

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"


def word(body: str, styles: str = "", extra: tuple[tuple[str, bytes, int], ...] = ()) -> bytes:
    """A Word document of the fewest parts, and what else is to be in its archive: name, content, compression."""
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="bin" ContentType="application/octet-stream"/>'
        f'<Override PartName="/d.xml" ContentType="{TYPE}.document.main+xml"/>'
        f'<Override PartName="/s.xml" ContentType="{TYPE}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="d.xml"/></Relationships>',
        "_rels/d.xml.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/styles" '
        'Target="s.xml"/></Relationships>',
        "d.xml": f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        "s.xml": f'<w:styles xmlns:w="{W}">{styles}</w:styles>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        for name, data, method in extra:
            archive.writestr(name, data, method)
    return file.getvalue()


def inflated(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(part.file_size for part in archive.infolist())


def paragraph(text: str, settings: str = "") -> str:
    return f"<w:p><w:pPr>{settings}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def style(name: str, settings: str) -> str:
    return f'<w:style w:styleId="{name}">{settings}</w:style>'


STYLES = "".join(
    [
        style("t", '<w:name w:val="Title"/>'),
        style("h2", '<w:name w:val="heading 2"/>'),
        style("h9", '<w:name w:val="Heading 9"/>'),
        style("no", '<w:name w:val="heading 10"/>'),
        style("under", '<w:name w:val="own"/><w:basedOn w:val="h2"/>'),
        style("over", '<w:name w:val="own2"/><w:basedOn w:val="h2"/><w:pPr><w:outlineLvl w:val="4"/></w:pPr>'),
        style("body", '<w:name w:val="own3"/><w:basedOn w:val="h2"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr>'),
        style("last", '<w:name w:val="own4"/><w:pPr><w:outlineLvl w:val="8"/></w:pPr>'),
        style("x", '<w:name w:val="x"/><w:basedOn w:val="y"/>'),
        style("y", '<w:name w:val="y"/><w:basedOn w:val="x"/>'),
    ]
)


@pytest.mark.parametrize("within", ["{}", "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>"])
@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ("", None),
        ('<w:pStyle w:val="h2"/>', 2),
        ('<w:pStyle w:val="h9"/>', 9),
        ('<w:pStyle w:val="no"/>', None),
        ('<w:pStyle w:val="under"/>', 2),
        ('<w:pStyle w:val="over"/>', 5),
        ('<w:pStyle w:val="body"/>', None),
        ('<w:pStyle w:val="last"/>', 9),
        ('<w:pStyle w:val="x"/>', None),
        ('<w:pStyle w:val="gone"/>', None),
        ('<w:pStyle w:val="t"/>', 1),
        ('<w:outlineLvl w:val="0"/>', 1),
        ('<w:outlineLvl w:val="8"/>', 9),
        ('<w:pStyle w:val="h2"/><w:outlineLvl w:val="9"/>', None),
    ],
)
def test_a_paragraphs_level_is_its_own_or_its_styles(within: str, settings: str, level: int | None) -> None:
    document = parse("a.docx", word(paragraph("首段") + within.format(paragraph("题目", settings)), STYLES))
    assert document.text == "首段\n\n题目"
    found = [(heading.start, heading.end, heading.level) for heading in document.headings]
    assert found == ([] if level is None else [(4, 6, level)])


def test_marks_within_a_paragraph_are_characters_and_what_is_no_text_is_none() -> None:
    inner = (
        "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:cr/><w:t>d</w:t><w:noBreakHyphen/>"
        "<w:t>e</w:t><w:softHyphen/><w:t>f</w:t></w:r><w:moveFrom><w:r><w:t>no</w:t></w:r></w:moveFrom>"
        '<mc:Fallback xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:r><w:t>no</w:t></w:r>'
        "</mc:Fallback><w:r><w:rPr><w:t>no</w:t></w:rPr><w:t/></w:r></w:p>"
    )
    assert parse("a.docx", word(inner)).text == "a\tb\nc\nd\u2011e\u00adf"


def cell(*paragraphs: str) -> str:
    return f"<w:tc>{''.join(paragraphs)}</w:tc>"


def test_rows_of_data_are_lines_and_rows_with_more_are_blocks() -> None:
    rows = [
        cell(paragraph("a")) + cell(paragraph("b")),
        cell(paragraph("")) + cell(paragraph("c")),
        cell(paragraph("d"), paragraph("e")) + cell(paragraph("f")),
        cell(paragraph("g", '<w:outlineLvl w:val="1"/>')),
        cell(paragraph("h")) + cell(),
    ]
    table = f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"
    document = parse("a.docx", word(paragraph("0") + table + paragraph("9")))
    assert document.text == "0\n\na\tb\nc\n\nd\n\ne\n\nf\n\ng\n\nh\n\n9"
    assert [(heading.start, heading.level) for heading in document.headings] == [(19, 2)]


DOCTYPE = b"<!DOCTYPE x><x/>"
LATE = b"<x>" + b" " * (65_536 - 7)  # so that the word stands across two of the blocks that are inflated at once


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"plain", "it is no ZIP archive, as a DOCX is"),
        (b"%PDF-1.7", "it is a PDF file"),
        (
            word("", extra=(("a\x1b.bin", b"x", zipfile.ZIP_BZIP2),)),
            "a\\x1b.bin is compressed in a way that Word never uses",
        ),
        (word("", extra=(("a.XML", DOCTYPE, 0),)), "a.XML has a DOCTYPE, which Word never writes"),
        (word("", extra=(("a.Rels", DOCTYPE, 0),)), "a.Rels has a DOCTYPE, which Word never writes"),
        (word("", extra=(("a.xml", LATE + DOCTYPE, 8),)), "a.xml has a DOCTYPE, which Word never writes"),
        (
            word("", extra=(("a.xml", DOCTYPE.decode().encode("utf-16-be"), 8),)),
            "a.xml has a DOCTYPE, which Word never writes",
        ),
    ],
)
def test_what_is_no_word_document_says_why(data: bytes, message: str) -> None:
    assert refusal("a.docx", data) == ("PARSE_FAILED", f"a.docx: can't be read as a DOCX: {message}.")


def test_a_doctype_in_no_xml_and_a_stored_part_are_no_harm() -> None:
    data = word(paragraph("a"), extra=(("a.bin", DOCTYPE, zipfile.ZIP_STORED),))
    assert parse("a.docx", data).text == "a"


def test_a_part_with_a_password_is_told() -> None:
    data = bytearray(word(paragraph("a")))
    data[data.index(b"PK\x01\x02") + 8] |= 1  # of the first part, in the table of contents
    message = "a.docx: can't be read as a DOCX: it needs a password; save it without one."
    assert refusal("a.docx", bytes(data)) == ("PARSE_FAILED", message)


@pytest.mark.parametrize(
    "data",
    [
        word(paragraph("a", '<w:outlineLvl w:val="x"/>')),
        word("<"),
        word("<w:p>"),
    ],
)
def test_parts_that_are_not_words_are_told(data: bytes) -> None:
    code, message = refusal("a.docx", data)
    assert code == "PARSE_FAILED"
    start = "a.docx: can't be read as a DOCX: its parts aren't those of a Word document ("
    assert message.startswith(start)
    assert message.endswith(").")
    assert "(None)" not in message


def test_a_document_without_text_is_told() -> None:
    message = "a.docx: the document holds no text; if it shows pictures of text, run OCR first."
    assert refusal("a.docx", word(paragraph(" "))) == ("NO_TEXT", message)


def padded(size: int, noise: bytes = b"") -> bytes:
    extra = (("a.bin", noise, zipfile.ZIP_STORED), ("b.bin", bytes(size), zipfile.ZIP_DEFLATED))
    return word(paragraph("a"), extra=extra)


def test_a_small_document_may_inflate_to_a_mebibyte_and_a_larger_one_two_hundred_times() -> None:
    small = (1 << 20) - inflated(padded(0))
    noise = Random(0).randbytes(6_000)
    large = 0
    for _ in range(9):  # the size that is 200 times its archive's, whose size depends on it a little
        large += 200 * len(padded(large, noise)) - inflated(padded(large, noise))
    assert inflated(padded(large, noise)) == 200 * len(padded(large, noise))
    for size, more in ((small, b""), (large, noise)):
        assert parse("a.docx", padded(size, more)).text == "a"
        bomb = padded(size + 1, more)
        reason = f"its {len(bomb)} bytes inflate to {inflated(bomb)} and more, so it isn't opened"
        assert refusal("a.docx", bomb) == (
            "ARCHIVE_TOO_LARGE",
            f"a.docx: {reason}; save it with fewer pictures.",
        )


def test_no_document_may_inflate_beyond_the_limit_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    data = word(paragraph("a"))
    monkeypatch.setattr("qa.reading.docx.MAX_INFLATED_BYTES", inflated(data))
    assert parse("a.docx", data).text == "a"
    monkeypatch.setattr("qa.reading.docx.MAX_INFLATED_BYTES", inflated(data) - 1)
    assert refusal("a.docx", data)[0] == "ARCHIVE_TOO_LARGE"


# --- finding and opening ---


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (errno.ENOENT, "FILE_NOT_FOUND", "there is no such file or folder; check the path."),
        (errno.EACCES, "PERMISSION_DENIED", "this user may not read it; change its permissions."),
        (errno.EPERM, "PERMISSION_DENIED", "this user may not read it; change its permissions."),
        (errno.ENAMETOOLONG, "PATH_TOO_LONG", "the path is longer than the system allows; name a deeper folder."),
        (errno.EIO, "READ_FAILED", "the system can't read it (as the system says); check the disk, then run again."),
    ],
)
def test_a_refusal_of_the_system_is_told_in_our_words(number: int, code: str, message: str) -> None:
    found = unreachable("a/b.txt", OSError(number, "as the system says"))
    assert found == Problem("a/b.txt", code, f"a/b.txt: {message}")


def test_a_name_that_no_file_can_have_is_told() -> None:
    found = unreachable("a.txt", ValueError("embedded null byte"))
    message = "a.txt: the system can't read it (embedded null byte); check the disk, then run again."
    assert found == Problem("a.txt", "READ_FAILED", message)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a" * 80, "a" * 80), ("a" * 41 + "b" * 40, "a" * 40 + "…" + "b" * 39), ("ab" * 99, "ab" * 20 + "…b" + "ab" * 19)],
)
def test_a_path_that_is_too_long_is_shown_by_its_ends(name: str, shown: str) -> None:
    found = unreachable(name, OSError(errno.ENAMETOOLONG, "long"))
    message = f"{shown}: the path is longer than the system allows; name a deeper folder."
    assert found == Problem(name, "PATH_TOO_LONG", message)


def test_what_is_passed_over_on_a_walk_says_why(tmp_path: Path) -> None:
    for name in ("one/a.txt", "two/a.txt", "b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a", "utf-8")
    os.mkfifo(tmp_path / "one" / "p.txt")
    (tmp_path / "one" / "z").symlink_to(tmp_path / "two")
    pipe = "neither a file nor a folder (a pipe, socket or device), so not opened."
    fifo = tmp_path / "one" / "p.txt"
    assert list(walk([tmp_path / "one", tmp_path / "two", tmp_path / "b.jpg", fifo])) == [
        Found(tmp_path / "one" / "a.txt", "a.txt", "one"),
        Problem("p.txt", "NOT_A_FILE", f"p.txt: {pipe}"),
        Problem(
            "z",
            "SYMLINK_SKIPPED",
            "z: a symbolic link inside a folder isn't followed; name its target itself to read it.",
        ),
        Problem(
            "a.txt",
            "NAME_TAKEN",
            f"{tmp_path}/two/a.txt: another file of this run is already called 'a.txt' in the corpus; index the folder "
            "above both, or rename one.",
        ),
        Problem(
            f"{tmp_path}/b.jpg",
            "UNSUPPORTED_FORMAT",
            f"{tmp_path}/b.jpg: files of this kind can't be read; known are {KNOWN}.",
        ),
        Problem(str(fifo), "NOT_A_FILE", f"{fifo}: {pipe}"),
    ]


def test_what_a_folder_hides_is_told_by_its_place_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    listed = os.scandir

    def shut(folder: Path) -> object:
        if Path(folder).name == "b":
            raise PermissionError(errno.EACCES, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(os, "scandir", shut)
    message = "this user may not read it; change its permissions."
    assert list(walk([tmp_path])) == [Problem("a/b", "PERMISSION_DENIED", f"a/b: {message}")]
    named = tmp_path / "a" / "b"
    assert list(walk([named])) == [Problem(str(named), "PERMISSION_DENIED", f"{named}: {message}")]


def test_a_file_that_grows_while_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(b"ab")
    status = os.fstat

    def growing(descriptor: int) -> os.stat_result:
        found = status(descriptor)
        os.truncate(tmp_path / "a.txt", found.st_size + 1)
        return found

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(ReadingError) as caught:
        load(Found(tmp_path / "a.txt", "x/a.txt", ""))
    monkeypatch.undo()
    message = "x/a.txt: grew while it was read; run again when it is complete."
    assert (caught.value.code, caught.value.message) == ("FILE_CHANGED", message)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.TXT", "txt"), ("a.text", "txt"), ("a.md", "md"), ("a.markdown", "md"), ("a.htm", "html")]
)
def test_a_documents_format_is_its_suffixs(name: str, kind: str) -> None:
    assert parse(name, b"a").format == kind


def test_tables_are_named_below_their_folder_and_a_problem_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set.Parquet"
    (folder / "part").mkdir(parents=True)
    for name in ("part/b.parquet", "a.PARQUET", "note.txt"):
        (folder / name).write_bytes(b"")
    (folder / "c.parquet").symlink_to(folder / "a.PARQUET")
    asked: list[tuple[Path, str, str]] = []

    def rows(path: Path, name: str, root: str) -> Iterator[Found]:
        asked.append((path, name, root))
        yield Found(path, f"{name} of {root}", root, 0)
        yield Found(path, f"{name} of {root}, again", root, 1)

    monkeypatch.setattr("qa.reading.parquet.rows", rows)
    found = list(walk([folder, folder / "a.PARQUET"]))
    assert asked == [
        (folder / "a.PARQUET", "set.Parquet/a.PARQUET", "set.Parquet"),
        (folder / "part" / "b.parquet", "set.Parquet/part/b.parquet", "set.Parquet"),
        (folder / "a.PARQUET", "a.PARQUET", "a.PARQUET"),
    ]
    assert [(item.file, item.row) for item in found if isinstance(item, Found)] == [
        ("set.Parquet/a.PARQUET of set.Parquet", 0),
        ("set.Parquet/a.PARQUET of set.Parquet, again", 1),
        ("set.Parquet/part/b.parquet of set.Parquet", 0),
        ("set.Parquet/part/b.parquet of set.Parquet, again", 1),
    ]
    assert [item for item in found if isinstance(item, Problem)] == [
        Problem(
            "set.Parquet/c.parquet",
            "SYMLINK_SKIPPED",
            "c.parquet: a symbolic link inside a folder isn't followed; name its target itself to read it.",
        )
    ]


def test_a_file_that_isnt_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(5 << 18))
    assert len(load(Found(path, "x/a.txt", ""), 5 << 18)) == 5 << 18
    os.mkfifo(tmp_path / "p.txt")
    for name, limit, code, message in (
        ("a.txt", (5 << 18) - 1, "FILE_TOO_LARGE", "larger than 1.25 MiB; split it, or raise WENBAO_FILE_MB."),
        ("p.txt", 9, "NOT_A_FILE", "no longer a regular file, so not read."),
        ("none.txt", 9, "FILE_NOT_FOUND", "there is no such file or folder; check the path."),
    ):
        with pytest.raises(ReadingError) as caught:
            load(Found(tmp_path / name, f"x/{name}", ""), limit)
        assert (caught.value.code, caught.value.message) == (code, f"x/{name}: {message}")
    message = f"a.csv: files of this kind can't be read; known are {KNOWN}."
    assert refusal("a.csv", b"") == ("UNSUPPORTED_FORMAT", message)


@pytest.mark.parametrize(
    ("char", "shown"),
    [("\x7f", r"\x7f"), ("\u200b", r"\u200b"), ("\u2028", r"\u2028"), ("\u2029", r"\u2029"), ("\u3000", "\u3000")],
)
def test_of_a_name_only_what_acts_is_escaped(char: str, shown: str) -> None:
    assert shown_name(f"a{char}b") == f"a{shown}b"


# --- archives ---

NOTHING = "so nothing of the archive is taken; pack it anew with plain files."


def zipped(*members: tuple[str, bytes], link: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name == link:
                info.external_attr = 0o120777 << 16
            archive.writestr(info, data)
    return file.getvalue()


def unpacked(folder: Path, data: bytes, max_bytes: int = 1 << 20) -> list[Found | Problem]:
    (folder / "in").mkdir()
    (folder / "in" / "up").write_bytes(data)
    (folder / "out").mkdir()
    return archives.extract("页.zip", folder / "in" / "up", folder / "out", "root", max_bytes)


def test_each_member_of_an_archive_is_found_or_told(tmp_path: Path) -> None:
    data = zipped(
        ("a/b.txt", b"1"),
        ("a/", b""),
        (".hidden/c.txt", b"2"),
        ("d/~$e.docx", b"3"),
        ("__MACOSX/f.txt", b"4"),
        ("g\\h\x1b.MD", b"55555"),
        ("i.jpg", b"6"),
        ("j.tar", b"7"),
        ("k.ZIP", b"8"),
        ("l.txt", b"666666"),
        ("NAME.txt", b"9"),
    )
    data = data.replace(b"NAME.txt", "图书.txt".encode("gb18030"))  # unmarked, as old programs write it
    found = unpacked(tmp_path, data, 5)
    known = f"files of this kind can't be read; known are {KNOWN}."
    out = tmp_path / "out"
    nested = "an archive within an archive isn't opened; upload it by itself."
    assert found == [
        Found(out / "up-00000", "a/b.txt", "root"),
        Found(out / "up-00004", "g/h\\x1b.MD", "root"),
        Problem("i.jpg", "UNSUPPORTED_FORMAT", f"i.jpg: {known}"),
        Problem("j.tar", "ARCHIVE_NESTED", f"j.tar: {nested}"),
        Problem("k.ZIP", "ARCHIVE_NESTED", f"k.ZIP: {nested}"),
        Problem(
            "l.txt",
            "FILE_TOO_LARGE",
            "l.txt: larger than 4.76837e-06 MiB; split it, or raise WENBAO_FILE_MB.",
        ),
        Found(out / "up-00009", "图书.txt", "root"),
    ]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "up-00000": b"1",
        "up-00004": b"55555",
        "up-00009": b"9",
    }


def test_a_member_with_a_password_is_told(tmp_path: Path) -> None:
    data = bytearray(zipped(("a.txt", b"1")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    message = "a.txt: needs a password; pack it without one."
    assert unpacked(tmp_path, bytes(data)) == [Problem("a.txt", "PARSE_FAILED", f"a.txt: {message[7:]}")]


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"plain", "PARSE_FAILED", "can't be opened as a ZIP archive: File is not a zip file."),
        *(
            (
                zipped(("ok.txt", b"1"), (name, b"2")),
                "ARCHIVE_UNSAFE_PATH",
                f"{shown} is a path that leads out of it, {NOTHING}",
            )
            for name, shown in (
                ("/a.txt", "/a.txt"),
                ("a/../../b.txt", "a/../../b.txt"),
                ("..\\c.txt", "../c.txt"),
                ("C:\\d.txt", "C:/d.txt"),
                ("z:e.txt", "z:e.txt"),
            )
        ),
        (
            zipped(("ok.txt", b"1"), ("a.txt", b"/etc/passwd"), link="a.txt"),
            "ARCHIVE_UNSAFE_PATH",
            f"a.txt is a link, {NOTHING}",
        ),
    ],
)
def test_an_archive_that_cant_be_taken_leaves_nothing(tmp_path: Path, data: bytes, code: str, message: str) -> None:
    with pytest.raises(ReadingError) as caught:
        unpacked(tmp_path, data)
    assert (caught.value.code, caught.value.message) == (code, f"页.zip: {message}")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["a..b/c..txt", "ab:c.txt", "1:c.txt"])
def test_a_name_that_only_looks_as_if_it_led_out_is_taken(tmp_path: Path, name: str) -> None:
    assert [item.file for item in unpacked(tmp_path, zipped((name, b"1")))] == [name]


def two_members(size: int) -> bytes:
    """An archive that inflates to so many bytes; 500 of them can't be compressed."""
    return zipped(("a.txt", Random(0).randbytes(500) + bytes(size - 502)), ("b.txt", b"12"))


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, 1 << 20),  # a small one, whatever its ratio
        ({"_SMALL_BYTES": 1000, "MAX_RATIO": 5}, None),
        ({"MAX_INFLATED_BYTES": 1000}, 1000),
    ],
)
def test_an_archive_may_inflate_to_its_limit_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], most: int | None
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(archives, name, value)
    if most is None:
        most = next(size for size in range(3000, 5000) if size == 5 * len(two_members(size)))
    fits, over = two_members(most), two_members(most + 1)
    assert len(over) == len(fits)
    for folder in ("fits", "over"):
        (tmp_path / folder).mkdir()
    assert [item.file for item in unpacked(tmp_path / "fits", fits, 1 << 30)] == ["a.txt", "b.txt"]
    with pytest.raises(ReadingError) as caught:
        unpacked(tmp_path / "over", over, 1 << 30)
    reason = f"its {len(over)} bytes inflate to {most + 1} and more, so nothing of it is kept; split it."
    assert (caught.value.code, caught.value.message) == ("ARCHIVE_TOO_LARGE", f"页.zip: {reason}")
    assert list((tmp_path / "over" / "out").iterdir()) == []


def test_an_archive_holds_so_many_files_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped(("a.txt", b"1"), ("b.txt", b"2"), ("c/", b""))
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    with pytest.raises(ReadingError) as caught:
        unpacked(tmp_path, data)
    message = "页.zip: holds 2 files, at most 1 are taken; split it."
    assert (caught.value.code, caught.value.message) == ("ARCHIVE_TOO_LARGE", message)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    (tmp_path / "again").mkdir()
    assert len(unpacked(tmp_path / "again", data)) == 2


def test_a_name_that_no_file_can_have_is_told_and_the_walk_goes_on(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("字", encoding="utf-8")
    problem, found = walk([Path("a\0.txt"), tmp_path / "b.txt"])
    assert isinstance(problem, Problem)
    assert (problem.code, isinstance(found, Found)) == ("READ_FAILED", True)
