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
