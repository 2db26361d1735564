"""The API reference as one page, made from the OpenAPI description, and pages of problem types: no script, no
style from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from api.http.problem_types import PATH, ProblemType

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem;
color:#1b1f24;background:#fff}
h1 small{font-weight:400;color:#57606a}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:#f6f8fa;padding:.75rem;overflow-x:auto;border-radius:6px}
details{border:1px solid #d0d7de;border-radius:6px;margin:.75rem 0;padding:.5rem 1rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:3.5rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{text-align:left;vertical-align:top;
border-top:1px solid #d0d7de;padding:.35rem .5rem .35rem 0}th{font-weight:600}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}
details,th,td{border-color:#30363d}h1 small{color:#8b949e}a{color:#58a6ff}}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def page(description: dict[str, Any]) -> str:
    """HTML of an OpenAPI description."""
    info = description["info"]
    operations = [
        _operation(method, path, operation, description)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    return _document(
        f"{info['title']} API",
        f"<h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
        f"{_prose(info.get('description', ''))}"
        '<p>For tools: <a href="/openapi.json">openapi.json</a></p>'
        f"{''.join(operations)}",
    )


def problem_page(code: str, found: ProblemType) -> str:
    """HTML of one problem type."""
    statuses = ", ".join(f"{status} {HTTPStatus(status).phrase}" for status in found.status)
    return _document(
        found.title,
        f"<h1>{escape(found.title)}</h1><p><code>{escape(code)}</code>, answered with {escape(statuses)}</p>"
        f"<h2>What it means</h2>{_prose(found.means)}<h2>What to do</h2>{_prose(found.do)}"
        f'<p><a href="{PATH}">All problems</a> · <a href="/docs">All operations</a></p>',
    )


def problems_page(types: Mapping[str, ProblemType]) -> str:
    """HTML of all of them."""
    rows = "".join(
        f'<tr><td><a href="{PATH}/{escape(code)}"><code>{escape(code)}</code></a></td>'
        f"<td>{', '.join(map(str, found.status))}</td><td>{_inline(found.means)}</td></tr>"
        for code, found in types.items()
    )
    return _document(
        "Problems",
        "<h1>Problems</h1><p>What each <code>code</code> of an answer means.</p>"
        f"<table><tr><th>Code</th><th>Status</th><th>It means</th></tr>{rows}</table>",
    )


def _document(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{content}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any], description: dict[str, Any]) -> str:
    scope = operation.get("x-required-scope")
    parts = [
        f"<summary><b>{escape(method.upper())}</b> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary', ''))}</summary>",
        _prose(operation.get("description", "")),
        f"<p>Scope of the key: {_scopes(scope)}</p>" if scope else "",
        _parameters(operation.get("parameters", [])),
    ]
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    parts += [_body(media, description) for media in bodies]
    parts.append(_answers(operation.get("responses", {}), description))
    return f"<details>{''.join(parts)}</details>"


def _scopes(scope: str | list[str]) -> str:
    scopes = [scope] if isinstance(scope, str) else scope
    return " or ".join(f"<code>{escape(one)}</code>" for one in scopes)


def _body(media: dict[str, Any], description: dict[str, Any]) -> str:
    """One sample, or the named ones with what each is for and which scope it needs."""
    if "examples" not in media:
        return f"<p>Body</p>{_example(media['schema'], description)}"
    named = media["schema"].get("discriminator", {}).get("mapping", {})
    rows = []
    for name, example in media["examples"].items():
        schema = _resolved({"$ref": named[name]}, description) if name in named else {}
        scope = schema.get("x-required-scope")
        needed = f"<br>{_scopes(scope)}" if scope else ""
        rows.append(
            f"<tr><td><code>{escape(name)}</code>{needed}</td>"
            f"<td>{_inline(example.get('summary', ''))}{_shown(example['value'])}</td></tr>"
        )
    return f"<table><tr><th>Body</th><th></th></tr>{''.join(rows)}</table>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(entry['name'])}</code></td><td>{escape(entry['in'])}"
        f"{', required' if entry.get('required') else ''}</td>"
        f"<td>{_inline(entry.get('description', ''))}</td></tr>"
        for entry in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>"


def _answers(answers: dict[str, Any], description: dict[str, Any]) -> str:
    rows = []
    for status, answer in answers.items():
        example = ""
        for media_type, media in answer.get("content", {}).items():
            if media_type == "application/json" and media.get("schema"):
                example = _example(media["schema"], description)
        rows.append(f"<tr><td>{escape(status)}</td><td>{_inline(answer['description'])}{example}</td></tr>")
    return f"<table><tr><th>Answer</th><th></th></tr>{''.join(rows)}</table>"


def _example(schema: dict[str, Any], description: dict[str, Any]) -> str:
    return _shown(_sample(schema, description))


def _shown(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _resolved(schema: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _sample(schema: dict[str, Any], description: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _sample(_resolved(schema, description), description)
    if schema.get("examples"):
        return schema["examples"][0]
    for known in ("const", "default"):
        if schema.get(known) is not None:
            return schema[known]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _sample(schema["anyOf"][0], description)
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {})
            return {name: _sample(member, description) for name, member in members.items()}
        case "array":
            return [_sample(schema.get("items", {}), description)]
        case "boolean":
            return True
        case "integer" | "number":
            return 0
        case _:
            return "2026-03-01T12:00:00Z" if schema.get("format") == "date-time" else "..."


def _prose(text: str) -> str:
    """Paragraphs and one kind of list: all that our own descriptions use."""
    blocks = []
    for block in text.strip().split("\n\n"):
        if block.startswith("* "):
            items = "".join(f"<li>{_inline(item)}</li>" for item in f"\n{block}".split("\n* ")[1:])
            blocks.append(f"<ul>{items}</ul>")
        elif block:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "".join(blocks)


def _inline(text: str) -> str:
    for mark, tag in (("`", "code"), ("**", "b")):
        pieces = (escape(text) if mark == "`" else text).split(mark)
        text = "".join(
            f"<{tag}>{piece}</{tag}>" if number % 2 else piece for number, piece in enumerate(pieces)
        )
    return text
