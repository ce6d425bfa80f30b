"""``GET /api/docs``: the OpenAPI document as a page to read. Values in, HTML out; no script, nothing from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from qa.web.frame import document
from qa.web.words import for_request

EXAMPLE = """curl -s http://127.0.0.1:7860/api/ask -H 'Content-Type: application/json' \\
     -d '{"question": "景山街道总工会三八节发了多少口罩？"}'"""


def page(openapi: dict[str, Any]) -> Markup:
    """The body of the page: every operation with its parameters, body and answers, then every schema."""
    operations = list(_operations(openapi))
    contents = Markup("").join(
        Markup('<li><a href="#{}"><b class="method">{}</b> <code>{}</code></a> {}</li>').format(
            anchor, method.upper(), path, told.get("summary", "")
        )
        for anchor, method, path, told in operations
    )
    details = Markup("").join(_operation(*operation) for operation in operations)
    schemas = Markup("").join(
        Markup('<section id="schema-{}"><h3>{}</h3><p>{}</p><pre>{}</pre></section>').format(
            name, name, schema.get("description", ""), _json({k: v for k, v in schema.items() if k != "description"})
        )
        for name, schema in openapi.get("components", {}).get("schemas", {}).items()
    )
    return Markup(
        '<h1>HTTP API</h1><p class="lead">{}</p><pre>{}</pre>'
        "<p>Version {}. The same as a document for programs: "
        '<a href="/openapi.json">/openapi.json</a>. Where a token is needed, send it as '
        "<code>Authorization: Bearer …</code>; every error has the form of <a href='#schema-ErrorEnvelope'>"
        'ErrorEnvelope</a>.</p><ul class="operations">{}</ul>{}<h2>Schemas</h2>{}'
    ).format(openapi["info"]["description"], EXAMPLE, openapi["info"]["version"], contents, details, schemas)


def router(openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """The route of the page; ``openapi`` makes the document."""
    routes = APIRouter()

    @routes.get("/api/docs", include_in_schema=False)
    def show(request: Request) -> Response:
        words = for_request(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        return HTMLResponse(
            document(
                words,
                "HTTP API",
                page(openapi()),
                styles=["api-docs.css"],
                in_language=lambda other: f"/api/docs?lang={other.path}",
            )
        )

    return routes


Operation = tuple[str, str, str, dict[str, Any]]


def _operations(openapi: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in openapi["paths"].items():
        for method, told in methods.items():
            yield f"{method}{path}".replace("/", "-").strip("-"), method, path, told


def _operation(anchor: str, method: str, path: str, told: dict[str, Any]) -> Markup:
    parts = [
        Markup('<section id="{}"><h2><b class="method">{}</b> <code>{}</code></h2><p>{}</p>').format(
            anchor, method.upper(), path, told.get("description", told.get("summary", ""))
        )
    ]
    if told.get("parameters"):
        rows = Markup("").join(
            Markup("<tr><th><code>{}</code></th><td>{}{}</td><td>{}</td></tr>").format(
                parameter["name"],
                parameter["in"],
                ", required" if parameter.get("required") else "",
                parameter.get("description", ""),
            )
            for parameter in told["parameters"]
        )
        parts.append(Markup("<h3>Parameters</h3><table>{}</table>").format(rows))
    for kind, content in told.get("requestBody", {}).get("content", {}).items():
        parts.append(Markup("<h3>Body: {}</h3>{}").format(kind, _schema(content.get("schema", {}))))
    rows = Markup("").join(
        Markup("<tr><th>{}</th><td>{}</td><td>{}</td></tr>").format(
            status,
            answer.get("description", ""),
            Markup("<br>").join(
                Markup("{} {}").format(kind, _reference(content.get("schema", {})))
                for kind, content in answer.get("content", {}).items()
            ),
        )
        for status, answer in told["responses"].items()
    )
    parts.append(Markup("<h3>Answers</h3><table>{}</table></section>").format(rows))
    return Markup("").join(parts)


def _reference(schema: dict[str, Any]) -> Markup:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return Markup('<a href="#schema-{}">{}</a>').format(name, name) if name else Markup("")


def _schema(schema: dict[str, Any]) -> Markup:
    return _reference(schema) or Markup("<pre>{}</pre>").format(_json(schema))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
