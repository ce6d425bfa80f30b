"""What each setting takes: its smallest and largest value, and word for word what is said of any other."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from qa.config import PARSERS, Settings, _whole, is_refused
from qa.errors import UsageError

WHOLE = {
    "port": (1, 65535),
    "top_k": (1, 50),
    "question_chars": (1, 100_000),
    "file_mb": (1, 4096),
    "visitor_per_minute": (1, 100_000),
    "visitor_burst": (1, 100_000),
    "visitor_per_day": (1, 10_000_000),
    "site_per_minute": (1, 1_000_000),
    "token_per_minute": (1, 1_000_000),
    "workers": (1, 256),
    "processes": (1, 256),
    "remembered_mb": (0, 4096),
    "waiting": (0, 10_000),
    "connections": (16, 100_000),
    "connections_per_address": (4, 100_000),
    "review_days": (0, 3650),
    "talk_days": (0, 36_500),
    "engine_timeout_s": (1, 600),
    "llm_timeout_s": (1, 600),
    "llm_idle_s": (1, 600),
    "llm_tokens": (16, 4096),
    "llm_context_tokens": (1024, 1_000_000),
}
"""Every whole number with its bounds. Written out anew here: a bound that moves by mistake is noticed."""

HOSTS = "expected host names without scheme and port, separated by commas: bot.example.org"
ORIGIN = "expected scheme and host, without a path or a slash at the end: https://bot.example.org"
NETWORKS = "expected addresses or networks, separated by commas: 127.0.0.1,10.0.0.0/8"
LLM_URL = "expected http:// or https://, a host and a path without user, password, query: http://127.0.0.1:8080/v1"
ENGINE_URL = "expected http:// or https://, a host and a port without user, password, path: http://127.0.0.1:19530"
METADATA = "expected the address of a server, not of a machine's own metadata service"
MILVUS = "expected the address of the Milvus server, since WENBAO_ENGINE=milvus: http://127.0.0.1:19530"
MODEL = "expected the name of a model, at most 200 characters"
KEY = "expected a key without blanks, in ASCII"


def read(name: str, text: str) -> object:
    """The value that a setting's variable gives it."""
    return getattr(Settings.read({f"WENBAO_{name.upper()}": text}), name)


def refusal(environ: dict[str, str]) -> tuple[str, str, str | None]:
    """Code, message and field of what is said of these variables."""
    with pytest.raises(UsageError) as caught:
        Settings.read(environ)
    return caught.value.code, caught.value.message, caught.value.field


def test_every_whole_number_is_in_the_table() -> None:
    defaults = Settings()
    assert {name for name in PARSERS if type(getattr(defaults, name)) is int} == WHOLE.keys()


@pytest.mark.parametrize(("name", "low", "high"), [(name, *bounds) for name, bounds in WHOLE.items()])
def test_a_whole_number_is_taken_from_its_least_to_its_most(name: str, low: int, high: int) -> None:
    assert (read(name, str(low)), read(name, str(high))) == (low, high)
    key = f"WENBAO_{name.upper()}"
    for outside in (low - 1, high + 1):
        reason = f"{key}='{outside}': expected a whole number from {low} to {high}."
        assert refusal({key: str(outside)}) == ("CONFIG_VALUE", reason, key)
    for text in ("", "abc", f"{low}.5", "1e3"):
        assert refusal({key: text}) == ("CONFIG_VALUE", f"{key}={text!r}: expected a whole number.", key)


def test_a_whole_number_s_parser_takes_both_its_bounds() -> None:
    # Made here, since those of the settings are made when the module is first imported.
    parse = _whole(3, 5)
    assert [parse(text) for text in ("3", "4", " 5 ")] == [3, 4, 5]
    for text in ("2", "6"):
        with pytest.raises(ValueError, match=r"^expected a whole number from 3 to 5$"):
            parse(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hosts", "", ()),
        ("hosts", " , ", ()),
        ("hosts", "bot.example.org", ("bot.example.org",)),
        ("hosts", " Bot.Example.ORG , news-1 ,, [::1],10.0.0.7", ("bot.example.org", "news-1", "[::1]", "10.0.0.7")),
        ("hosts", "a", ("a",)),
        ("public_url", "", None),
        ("public_url", "https://bot.example.org", "https://bot.example.org"),
        ("public_url", "HTTP://Bot.Example.org:8080", "http://bot.example.org:8080"),
        ("public_url", "http://[::1]:7860", "http://[::1]:7860"),
        ("trusted_proxies", "", ()),
        ("trusted_proxies", ", ", ()),
        (
            "trusted_proxies",
            " 127.0.0.1 ,10.0.0.0/8, ::1,fd00::/8",
            tuple(map(ipaddress.ip_network, ("127.0.0.1/32", "10.0.0.0/8", "::1/128", "fd00::/8"))),
        ),
        ("data", "x/y", Path("x/y")),
        ("dict", "~/words", Path.home() / "words"),
        ("model", "m", "m"),
        ("host", "0.0.0.0", "0.0.0.0"),
        ("llm_model", " qwen 3 ", "qwen 3"),
        ("llm_model", "m" * 200, "m" * 200),
        ("llm_model", " ", None),
        ("llm_key", "!key~", "!key~"),
        ("llm_key", "", None),
        ("engine_token", "root:Milvus", "root:Milvus"),
        ("engine", "embedded", "embedded"),
        ("engine_url", "", None),
        ("engine_url", "http://127.0.0.1:19530", "http://127.0.0.1:19530"),
        ("engine_url", "https://milvus.example:1/", "https://milvus.example:1"),
        ("engine_url", "http://milvus.X/", "http://milvus.X"),
        ("engine_fallback", "on", True),
    ],
)
def test_a_setting_is_read(name: str, text: str, value: object) -> None:
    assert read(name, text) == value


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("http://x/v1/chat/completions/", "http://x/v1"),
        ("http://x/v1//", "http://x/v1"),
        # Slashes alone are taken off the end, not letters.
        ("http://x/v1/X", "http://x/v1/X"),
        ("http://169.254.example/v1", "http://169.254.example/v1"),
        ("http://metadata.example/v1", "http://metadata.example/v1"),
        ("http://10.0.0.1", "http://10.0.0.1"),
    ],
)
def test_the_end_of_a_model_server_s_address_is_put_right(given: str, value: str) -> None:
    assert Settings.read({"WENBAO_LLM_URL": given, "WENBAO_LLM_MODEL": "m"}).llm_url == value


@pytest.mark.parametrize(
    ("name", "reason", "texts"),
    [
        ("allow_download", "expected 1 or 0", ["perhaps", "2", " 1", "t"]),
        ("engine_fallback", "expected 1 or 0", ["yes!"]),
        ("hosts", HOSTS, ["a,http://b", "a:80", "-a", "a.", ".a", "a_b", "a b", "例.org", "[::1", "a/"]),
        (
            "public_url",
            ORIGIN,
            [
                "bot.example.org",
                "https://a/",
                "https://a/b",
                "ftp://a",
                "https://a:",
                "https://a:123456",
                "https://a?b",
            ],
        ),
        ("trusted_proxies", NETWORKS, ["10.0.0.1/8", "proxy", "10.0.0.0/8;10.0.0.1", "10.0.0.0/33", "1.2.3"]),
        ("engine", "expected embedded or milvus", ["", "Milvus", "faiss"]),
    ],
)
def test_a_value_that_is_none_is_repeated_with_what_is_expected(name: str, reason: str, texts: list[str]) -> None:
    key = f"WENBAO_{name.upper()}"
    for text in texts:
        assert refusal({key: text}) == ("CONFIG_VALUE", f"{key}={text!r}: {reason}.", key)


@pytest.mark.parametrize(
    ("name", "reason", "texts"),
    [
        (
            "llm_url",
            LLM_URL,
            [
                "x/v1", "ftp://x/v1", "http://", "http:///v1", "http://u@x/v1", "http://u:p@x/v1", "http://x/v1?a=b",
                "http://x/v1#a", "http://x:0/v1", "http://x:65536/v1", "http://x:y/v1", "http://x/a b", "http://例/v1",
                "http://x/\x07", "http://[::1/v1",
            ],
        ),
        ("llm_url", METADATA, ["http://169.254.169.254/v1", "http://metadata/v1", "http://[::]/v1"]),
        (
            "engine_url",
            ENGINE_URL,
            ["127.0.0.1:19530", "http://x:19530/db", "http://x//", "http://u:p@x", "http://x:0", "tcp://x", "http://x?a"],
        ),
        ("engine_url", METADATA, ["http://169.254.169.254", "http://metadata.google.internal:80"]),
        ("llm_key", KEY, ["a b", "ключ", "a\n", " ", "a\x7f"]),
        ("engine_token", KEY, ["root:a b"]),
    ],
)  # fmt: skip
def test_a_value_that_may_be_a_secret_is_not_repeated(name: str, reason: str, texts: list[str]) -> None:
    key = f"WENBAO_{name.upper()}"
    for text in texts:
        assert refusal({key: text}) == ("CONFIG_VALUE", f"{key}: {reason}.", key)


@pytest.mark.parametrize("text", ["m" * 201, "a\nb"])
def test_a_model_s_name_is_printable_and_of_200_characters_at_most(text: str) -> None:
    message = f"WENBAO_LLM_MODEL={text!r}: {MODEL}."
    assert refusal({"WENBAO_LLM_MODEL": text}) == ("CONFIG_VALUE", message, "WENBAO_LLM_MODEL")


@pytest.mark.parametrize(
    ("environ", "message", "field"),
    [
        (
            {"WENBAO_LLM_URL": "http://127.0.0.1/v1"},
            "WENBAO_LLM_MODEL: expected the model's name at WENBAO_LLM_URL.",
            "WENBAO_LLM_MODEL",
        ),
        (
            {"WENBAO_LLM_URL": "http://127.0.0.1/v1", "WENBAO_LLM_MODEL": " "},
            "WENBAO_LLM_MODEL: expected the model's name at WENBAO_LLM_URL.",
            "WENBAO_LLM_MODEL",
        ),
        (
            {"WENBAO_ENGINE": "milvus"},
            f"WENBAO_ENGINE_URL: {MILVUS}.",
            "WENBAO_ENGINE_URL",
        ),
    ],
)
def test_what_a_setting_needs_beside_it_is_asked_for(environ: dict[str, str], message: str, field: str) -> None:
    assert refusal(environ) == ("CONFIG_VALUE", message, field)


@pytest.mark.parametrize(
    "environ",
    [
        {"WENBAO_LLM_URL": "", "WENBAO_ENGINE": "embedded"},
        {"WENBAO_LLM_MODEL": "m"},
        {"WENBAO_ENGINE_URL": "http://127.0.0.1:19530"},
        {"WENBAO_ENGINE": "milvus", "WENBAO_ENGINE_URL": "http://127.0.0.1:19530"},
    ],
)
def test_a_setting_that_needs_nothing_more_is_read(environ: dict[str, str]) -> None:
    settings = Settings.read(environ)
    read = {key: getattr(settings, key.removeprefix("WENBAO_").lower()) or "" for key in environ}
    assert read == environ


def test_variables_of_others_are_passed_over_wherever_they_stand() -> None:
    environ = {"PATH": "/bin", "WENBAO_PORT": "1", "wenbao_top_k": "x", "XWENBAO_TOP_K": "x", "WENBAO_TOP_K": "2"}
    assert Settings.read(environ) == Settings(port=1, top_k=2)


def test_a_setting_s_name_may_be_in_small_letters_behind_its_prefix() -> None:
    assert Settings.read({"WENBAO_top_k": "2"}).top_k == 2


def test_an_unknown_setting_is_told_with_the_nearest_or_with_all() -> None:
    message = "WENBAO_TOPK is no setting of wenbao; did you mean WENBAO_TOP_K?"
    assert refusal({"WENBAO_TOPK": "5"}) == ("CONFIG_UNKNOWN_KEY", message, "WENBAO_TOPK")
    message = f"WENBAO_ZZZZZZ is no setting of wenbao; known: {', '.join(sorted(PARSERS))}."
    assert refusal({"WENBAO_ZZZZZZ": "5"}) == ("CONFIG_UNKNOWN_KEY", message, "WENBAO_ZZZZZZ")


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("10.0.0.1", False),
        ("169.253.255.255", False),
        ("169.254.0.0", True),
        ("169.254.255.255", True),
        ("169.255.0.0", False),
        ("fe7f::1", False),
        ("fe80::", True),
        ("febf::1", True),
        ("fec0::1", False),
        ("fe80::1%eth0", True),
        # Whatever stands behind the first percent sign is the interface's name.
        ("fe80::1%a%b%c", True),
        ("fd00::1%a", False),
        ("100.100.100.199", False),
        ("100.100.100.200", True),
        ("100.100.100.201", False),
        ("fd00:ec2::254", True),
        ("fd00:ec2::253", False),
        ("fd00:ec2:0::254", True),
        ("::ffff:100.100.100.200", True),
        ("::ffff:8.8.8.8", False),
        ("223.255.255.255", False),
        ("224.0.0.0", True),
        ("239.255.255.255", True),
        ("240.0.0.0", False),
        ("ff02::1", True),
        ("0.0.0.0", True),
        ("::", True),
        ("::ffff:0.0.0.0", True),
        ("0.0.0.1", False),
        ("2852039166", True),
        ("0xa9fea9fe", True),
        ("0251.0376.0251.0376", True),
        ("169.254.43518", True),
        ("2130706433", False),
        ("metadata", True),
        ("METADATA.", True),
        ("metadata.google.internal", True),
        ("Metadata.Google.Internal..", True),
        ("metadata.google.internalX", False),
        ("metadataX", False),
        ("metadata.example", False),
        ("", False),
    ],
)
def test_a_host_is_refused_where_it_is_a_machine_s_own_or_none_that_can_be_called(host: str, refused: bool) -> None:
    assert is_refused(host) is refused
