"""The widget's scripts as they are sent: labels and version filled in, comments left out, compressed once.

``widget.js`` is what every page view of a site loads, so it is small and checked for anew after some minutes; the rest
has its content's hash in its address and is kept for good. The sources in ``static/widget/`` stay readable: here they
only lose comments and indentation, and become one module for each language: a page opens the panel with one request.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response

from qa.web.widget_words import WIDGET, labels, strings

SOURCES = Path(__file__).parent / "static" / "widget"
PARTS = ("style.js", "ask.js", "chat.js")
LOADER_S = 600
"""How long a browser may keep ``widget.js`` before it asks again."""
PARTS_S = 365 * 86_400

_COMMENT_LINES = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*\n", re.DOTALL | re.MULTILINE)
_COMMENT_AT_END = re.compile(r"[ \t]+/\*(?:(?!\*/)[^\n])*\*/$", re.MULTILINE)
_LITERAL = re.compile(r"\"[^\"\n]*\"|`(?:[^`\\]|\\.)*`|/(?![*/ ])(?:[^/\\\n]|\\.)+/[a-z]*", re.DOTALL)
_OPERATOR = re.compile(r" ?([=+?:&|<>{}(),;!-]+) ?")
_STYLE = re.compile(r"(STYLE = `)(.*?)`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asset:
    """A script as it is sent, plain and by gzip."""

    plain: bytes
    gzipped: bytes
    seconds: int
    """How long it may be kept."""

    @classmethod
    def of(cls, text: str, seconds: int) -> Asset:
        """The asset of a script's text."""
        return cls(text.encode(), gzip.compress(text.encode(), 9, mtime=0), seconds)

    def response(self, headers: Headers) -> Response:
        """The answer to a request with ``headers``: any page may load it, since it holds nothing of anybody's."""
        tag = f'"{hashlib.sha256(self.plain).hexdigest()[:16]}"'
        sent = {
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
            "cache-control": f"public, max-age={self.seconds}" + (", immutable" if self.seconds == PARTS_S else ""),
            "etag": tag,
            "vary": "accept-encoding",
        }
        if tag in headers.get("if-none-match", ""):
            return Response(status_code=304, headers=sent)
        accepted = {part.partition(";")[0].strip() for part in headers.get("accept-encoding", "").lower().split(",")}
        content = self.plain
        if "gzip" in accepted:
            content, sent["content-encoding"] = self.gzipped, "gzip"
        return Response(content, headers=sent, media_type="text/javascript")


@dataclass(frozen=True, slots=True)
class WidgetFiles:
    """All scripts of the widget: the loader, and the parts by name."""

    loader: Asset
    parts: Mapping[str, Asset]
    version: str

    @classmethod
    def read(cls) -> WidgetFiles:
        """The widget of this installation."""
        chat = "".join(lean(_source(name)) for name in PARTS)
        texts = {f"chat-{path}.js": f"const WORDS={_json(strings(path))}\n{chat}" for path in WIDGET}
        version = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:12]
        loader = lean(_source("widget.js")).replace("__LABELS__", _json(labels())).replace("__VERSION__", version)
        parts = {name: Asset.of(text, PARTS_S) for name, text in texts.items()}
        return cls(Asset.of(loader, LOADER_S), parts, version)


def lean(script: str) -> str:
    """``script`` without comments, indentation and blanks around operators; its lines stay, styles become one.

    It knows no more of JavaScript than our sources need: no template within a template, no sign after an operator.
    """
    script = _COMMENT_AT_END.sub("", _COMMENT_LINES.sub("", script))
    script = _STYLE.sub(lambda found: f"{found[1]}{_lean_style(found[2])}`", script)
    parts = []
    done = 0
    for literal in _LITERAL.finditer(script):
        parts += [_OPERATOR.sub(r"\1", script[done : literal.start()]), literal[0]]
        done = literal.end()
    script = "".join([*parts, _OPERATOR.sub(r"\1", script[done:])])
    return "".join(f"{line.strip()}\n" for line in script.splitlines() if line.strip())


def _lean_style(style: str) -> str:
    style = re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", style)).strip()
    return re.sub(r"([\w-]): ", r"\1:", style).replace(";}", "}")


def _source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
