"""`/docs`: the OpenAPI document as a page to read, made here: no browser fetches anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse, JSONResponse, Response

router = APIRouter(include_in_schema=False)
TEMPLATES = Environment(loader=PackageLoader("crm_pipeline.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True)


@router.get("/docs")
def docs(request: Request) -> Response:
    """Every call with what it takes and answers."""
    document = request.app.openapi()
    html = TEMPLATES.get_template("docs.html").render(
        info=document["info"],
        calls=list(calls_of(document)),
        schemas=[(name, list(fields_of(schema))) for name, schema in document["components"]["schemas"].items()],
    )
    return HTMLResponse(html)


@router.get("/healthz")
async def health() -> Response:
    """That the process answers; nothing else is looked at, nor waited for a thread."""
    return JSONResponse({"success": True})


def calls_of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The calls in the order in which they were written."""
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            body = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            yield {
                "method": method.upper(),
                "path": path,
                "summary": call.get("summary", ""),
                "description": call.get("description", ""),
                "parameters": [
                    {
                        "name": one["name"],
                        "is_required": one.get("required", False),
                        "type": type_of(one["schema"]),
                        "description": one.get("description") or one["schema"].get("description", ""),
                    }
                    for one in call.get("parameters", ())
                ],
                "body": name_of(body),
                "answers": [
                    {"status": status, "description": answer["description"], "schema": name_of(_schema(answer))}
                    for status, answer in call["responses"].items()
                ],
            }


def fields_of(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of an object; none of an enumeration."""
    for name, field in schema.get("properties", {}).items():
        yield {
            "name": name,
            "is_required": name in schema.get("required", ()),
            "type": type_of(field),
            "description": field.get("description", ""),
        }


def type_of(schema: Mapping[str, Any]) -> str:
    """A type in a few words."""
    if name := name_of(schema):
        return name
    if options := schema.get("anyOf"):
        return " or ".join(type_of(one) for one in options)
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
        return " | ".join(str(value) for value in values)
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")


def name_of(schema: Mapping[str, Any]) -> str:
    """The name of the schema that is referred to; empty where it is none of its own."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _schema(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return schema
