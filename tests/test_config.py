"""Settings: read from a mapping, refused with key and value."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from qa.config import PARSERS, Settings
from qa.errors import UsageError


def test_nothing_set_gives_a_local_offline_default() -> None:
    settings = Settings.read({"PATH": "/bin"})
    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert not settings.allow_download


def test_every_setting_has_a_parser() -> None:
    assert PARSERS.keys() == {field.name for field in fields(Settings)}


def test_each_setting_is_read_from_its_variable() -> None:
    settings = Settings.read(
        {
            "WENBAO_DATA": "x/y",
            "WENBAO_PORT": "8080",
            "WENBAO_TOP_K": "7",
            "WENBAO_ALLOW_DOWNLOAD": "yes",
            "WENBAO_MODEL": "m",
        }
    )
    assert (settings.data, settings.port, settings.top_k) == (Path("x/y"), 8080, 7)
    assert settings.allow_download
    assert settings.model == "m"


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="WENBAO_TOP_K") as caught:
        Settings.read({"WENBAO_TOPK": "5"})
    assert (caught.value.code, caught.value.field, caught.value.exit_code) == ("CONFIG_UNKNOWN_KEY", "WENBAO_TOPK", 2)


def test_a_setting_like_no_other_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        Settings.read({"WENBAO_ZZZZZZ": "5"})
    assert all(name in caught.value.message for name in PARSERS)


@pytest.mark.parametrize("value", ["70000", "abc", "0", "-1", "", "8080.5"])
def test_a_port_out_of_range_is_refused_with_what_is_allowed(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.read({"WENBAO_PORT": value})
    assert caught.value.code == "CONFIG_VALUE"
    assert repr(value) in caught.value.message
    assert "whole number" in caught.value.message


@pytest.mark.parametrize("value", ["0", "51", "ten"])
def test_top_k_out_of_range_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="WENBAO_TOP_K"):
        Settings.read({"WENBAO_TOP_K": value})


def test_a_flag_that_is_no_flag_is_refused() -> None:
    with pytest.raises(UsageError, match="expected 1 or 0"):
        Settings.read({"WENBAO_ALLOW_DOWNLOAD": "perhaps"})


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("https://models.example/v1/", "https://models.example/v1"),
        ("http://[::1]:11434/v1/chat/completions", "http://[::1]:11434/v1"),
        ("", None),
    ],
)
def test_a_models_server_is_named_by_its_address(given: str, read: str | None) -> None:
    settings = Settings.read({"WENBAO_LLM_URL": given, "WENBAO_LLM_MODEL": "m", "WENBAO_LLM_KEY": "secret-key"})
    assert (settings.llm_url, settings.llm_model, settings.llm_key) == (read, "m", "secret-key")
    assert "secret-key" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://models.example/v1",
        "models.example/v1",
        "http://",
        "http://user:secret-word@models.example/v1",
        "http://models.example/v1?key=secret-word",
        "http://models.example:0/v1",
        "http://models.example:99999/v1",
        "http://models.example/v1\r\nX-Evil: yes",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/v1",
        "http://[::ffff:169.254.169.254]/v1",
        "http://metadata.google.internal/v1",
        "http://100.100.100.200/v1",
        "http://[fd00:ec2::254]/v1",
        "http://0.0.0.0:8080/v1",
        "http://2852039166/",
        "http://a b/v1",
        "http://metadata./v1",
        "http://METADATA.google.internal./v1",
        "http://[fe80::1%25eth0%250]/v1",
        "http://224.0.0.1/v1",
    ],
)
def test_what_is_no_models_server_is_refused_without_repeating_it(url: str) -> None:
    """LLM-007."""
    with pytest.raises(UsageError) as caught:
        Settings.read({"WENBAO_LLM_URL": url, "WENBAO_LLM_MODEL": "m"})
    assert (caught.value.code, caught.value.field) == ("CONFIG_VALUE", "WENBAO_LLM_URL")
    assert "secret-word" not in caught.value.message


def test_a_models_server_needs_the_models_name() -> None:
    with pytest.raises(UsageError, match=r"WENBAO_LLM_MODEL"):
        Settings.read({"WENBAO_LLM_URL": "http://127.0.0.1:8080/v1"})


def test_a_key_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(UsageError) as caught:
        Settings.read({"WENBAO_LLM_KEY": "secret word"})
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("given", "read"),
    [(word, True) for word in ("1", "true", "YES", "On")] + [(word, False) for word in ("0", "False", "no", "OFF", "")],
)
def test_a_flag_is_told_in_the_usual_words(given: str, read: bool) -> None:
    assert Settings.read({"WENBAO_ALLOW_DOWNLOAD": given}).allow_download is read


def test_the_smallest_and_the_largest_port_are_ports() -> None:
    for port in (1, 65535):
        url = f"http://models.example:{port}/v1"
        assert Settings.read({"WENBAO_LLM_URL": url, "WENBAO_LLM_MODEL": "m"}).llm_url == url


def test_a_name_or_a_key_that_is_none_says_what_one_is() -> None:
    with pytest.raises(UsageError, match=r"WENBAO_LLM_MODEL.*expected the name of a model, at most 200 characters"):
        Settings.read({"WENBAO_LLM_URL": "http://127.0.0.1/v1", "WENBAO_LLM_MODEL": "m" * 201})
    with pytest.raises(UsageError, match=r"WENBAO_LLM_KEY.*expected a key without blanks, in ASCII"):
        Settings.read({"WENBAO_LLM_KEY": "a b"})
