"""``wenbao keys``: what it prints, what it keeps, and what it refuses."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from qa.access import Access
from qa.cli import run
from qa.filters import Filters

KEY = re.compile(r"wb[st]_[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WENBAO_DATA", str(tmp_path))
    return tmp_path


def output(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    assert run(["keys", *arguments]) == code
    read = capsys.readouterr()
    return read.out, read.err


def test_a_site_is_added_with_the_line_for_its_pages(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    out, err = output(
        capsys, "site", "add", "町报", "--origin", "https://Example.org/", "--file", "2020/", "--since", "2020-03",
        "--url-template", "https://example.org/a/{id}", "--address", "https://ask.example.org",
    )  # fmt: skip
    tag = re.fullmatch(
        r'<script src="https://ask\.example\.org/widget\.js" data-site="(wbs_[\w-]{43})" async></script>\n', out
    )
    assert tag is not None
    assert f'<iframe src="https://ask.example.org/embed?site={tag[1]}"' in err
    with closing(Access(data)) as access:
        assert access.find(tag[1]).site == "町报"
        site = access.site("町报")
    assert site.origins == ("https://example.org",)
    assert site.limits.filters == Filters.read({"files": ["2020/"], "since": "2020-03"})
    assert site.limits.url_template == "https://example.org/a/{id}"
    assert not site.limits.logs_questions


def test_what_is_set_replaces_and_the_rest_stays(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    output(capsys, "site", "add", "a", "--origin", "https://a.example", "--since", "2020", "--file", "x.txt")
    output(capsys, "site", "set", "a", "--log-questions", "--since", "", "--url-template", "/article/{id}")
    with closing(Access(data)) as access:
        site = access.site("a")
        assert site.origins == ("https://a.example",)
        assert site.limits.filters == Filters(files=("x.txt",))
        assert (site.limits.url_template, site.limits.logs_questions) == ("/article/{id}", True)
        output(capsys, "site", "set", "a", "--off", "--unlimited", "--url-template", "")
        site = access.site("a")
        assert (site.origins, site.limits.filters, site.limits.url_template) == ((), Filters(), None)
        assert site.limits.logs_questions
        output(capsys, "site", "remove", "a")
        assert access.sites() == []
        assert access.credentials() == []


def test_a_token_is_printed_alone_and_listed_without_its_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No sites and no tokens" in output(capsys)[0]
    out, _ = output(capsys, "make", "nightly", "--scope", "ask", "--scope", "batch")
    assert KEY.fullmatch(out.strip())
    output(capsys, "site", "add", "a")
    output(capsys, "make", "--site", "a")
    listed, _ = output(capsys)
    assert KEY.search(listed) is None
    assert re.fullmatch(
        r"site a: off: no origin\n"
        r"  key 2: wbs_.{6}… · ask · made [\d-]{10} · last used never\n"
        r"  key 3: wbs_.{6}… · ask · made [\d-]{10} · last used never\n"
        r"token 1: wbt_.{6}… · ask, batch · made [\d-]{10} · last used never · nightly\n",
        listed,
    )
    output(capsys, "revoke", "1")
    assert "revoked" in output(capsys, "list")[0]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["make"], "USAGE"),
        (["make", "x"], "USAGE"),
        (["make", "x", "--scope", "everything"], "USAGE"),
        (["make", "x", "--site", "a", "--scope", "ask"], "USAGE"),
        (["make", "--site", "nobody"], "SITE_NOT_FOUND"),
        (["revoke", "7"], "KEY_NOT_FOUND"),
        (["revoke", "seven"], "USAGE"),
        (["site", "add", "a", "--origin", "https://*.example.org"], "ORIGIN_INVALID"),
        (["site", "add", "a", "--since", "yesterday"], "FILTER_INVALID"),
        (["site", "add", "a", "--url-template", "javascript:{id}"], "URL_TEMPLATE_INVALID"),
        (["site", "add", ""], "NAME_INVALID"),
        (["site", "add", "a", "--address", "ask.example.org"], "ORIGIN_INVALID"),
        (["site", "set", "nobody", "--off"], "SITE_NOT_FOUND"),
        (["site", "set", "a", "--off", "--origin", "https://a.example"], "USAGE"),
        (["site", "remove", "nobody"], "SITE_NOT_FOUND"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_with_exit_2(capsys: pytest.CaptureFixture[str], arguments: list[str], code: str) -> None:
    _, err = output(capsys, *arguments, code=2)
    assert err.splitlines()[-1].startswith(f"wenbao: {code}: ")
    assert "no sites and no tokens" in output(capsys)[0].lower()
