"""Which engine the owner chose, and whether others could reach it: nothing here needs a server or the extra."""

from __future__ import annotations

import logging

import pytest

from qa.config import Settings
from qa.errors import UsageError
from qa.generations import EMBEDDED
from qa.milvus import client, engine_of, exposure


def chosen(url: str, **more: str) -> Settings:
    return Settings.read({"WENBAO_ENGINE": "milvus", "WENBAO_ENGINE_URL": url, **more})


def test_without_a_word_the_embedded_engine_is_used() -> None:
    assert engine_of(Settings.read({})) is EMBEDDED
    assert (
        engine_of(Settings.read({"WENBAO_ENGINE": "embedded", "WENBAO_ENGINE_URL": "http://10.0.0.1:19530"}))
        is EMBEDDED
    )


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"wenbao\[milvus\]") as caught:
        engine_of(chosen("http://127.0.0.1:19530"))
    assert caught.value.code == "EXTRA_MISSING"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WENBAO_ENGINE", "qdrant"),
        ("WENBAO_ENGINE_URL", "127.0.0.1:19530"),
        ("WENBAO_ENGINE_URL", "http://root:secret@127.0.0.1:19530"),
        ("WENBAO_ENGINE_URL", "http://127.0.0.1:19530/path"),
        ("WENBAO_ENGINE_URL", "http://169.254.169.254"),
        ("WENBAO_ENGINE_TOKEN", "root: secret"),
        ("WENBAO_ENGINE_TIMEOUT_S", "0"),
        ("WENBAO_ENGINE_FALLBACK", "perhaps"),
    ],
)
def test_a_setting_that_cant_be_is_refused_and_no_secret_is_repeated(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen("http://127.0.0.1:19530", **{name: value})
    assert (caught.value.code, caught.value.field) == ("CONFIG_VALUE", name)
    assert "secret" not in caught.value.message
    with pytest.raises(UsageError, match="WENBAO_ENGINE_URL"):
        Settings.read({"WENBAO_ENGINE": "milvus"})
    assert "secret" not in repr(chosen("http://127.0.0.1:19530", WENBAO_ENGINE_TOKEN="root:secret"))


@pytest.mark.parametrize(
    ("url", "token", "expected"),
    [
        ("http://127.0.0.1:19530", "", None),
        ("http://localhost:19530", "", None),
        ("http://[::1]:19530", "", None),
        ("http://203.0.113.7:19530", "", "without a token"),
        ("http://10.1.2.3:19530", "", "without a token"),
        ("https://milvus.example.org", "", "without a token"),
        ("http://203.0.113.7:19530", "root:secret", "in the clear"),
        ("https://203.0.113.7:19530", "root:secret", None),
    ],
)
def test_engi_004_an_engine_that_others_may_reach_is_warned_of_at_the_start(
    url: str, token: str, expected: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "find_spec", lambda name: name)  # nothing of it is loaded before the first call
    settings = chosen(url, WENBAO_ENGINE_TOKEN=token)
    with caplog.at_level(logging.WARNING):
        engine_of(settings)
    told = exposure(settings)
    assert [record.message for record in caplog.records] == ([told] if told else [])
    assert (told is None) == (expected is None)
    assert expected is None or expected in str(told)
    assert "secret" not in str(told)
