"""How the HTTP edge answers: JSON made once, and errors that say what is wrong, the value seen, and the fix."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

_ENCODER = msgspec.json.Encoder()
_KNOWN = {
    400: ("body", "Send JSON."),
    404: ("path", "The routes are listed at /docs."),
    405: ("method", "The Allow header names those that the path has."),
}
"""By status: what is wrong, and what would do."""
SHOWN = 200
"""Most characters of a bad value that are said back."""


def as_json(content: Any, status: int = 200) -> Response:
    return Response(_ENCODER.encode(content), status, media_type="application/json")


def _said(value: object) -> str:
    """A value as text that can be encoded: JSON may carry half a surrogate pair, UTF-8 may not."""
    return str(value)[:SHOWN].encode("utf-8", "replace").decode()


def problem(status: int, thing: str, value: object, fix: str) -> Response:
    return as_json({"error": {"thing": _said(thing), "value": _said(value), "fix": _said(fix)}}, status)


def invalid(error: RequestValidationError) -> Response:
    """422 naming the field; `detail` has every field that is wrong."""
    found = error.errors()
    first = found[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    detail = [{"loc": [_said(part) for part in e["loc"]], "msg": _said(e["msg"]), "type": e["type"]} for e in found[:20]]
    return as_json(
        {"error": {"thing": _said(field), "value": _said(first.get("input")), "fix": _said(first["msg"])}, "detail": detail}, 422
    )


def unauthorised() -> Response:
    """What is told to whom a token is asked of."""
    refusal = problem(401, "authorization", "absent or wrong", "Send `Authorization: Bearer <token>`.")
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


def refused(error: HTTPException) -> Response:
    """What the framework refuses by itself: unknown paths, methods that a path does not have, bodies that are not JSON."""
    thing, fix = _KNOWN.get(error.status_code, ("request", "See /docs."))
    answer = problem(error.status_code, thing, error.detail, fix)
    answer.headers.update(error.headers or {})
    return answer


def busy(queue: str) -> Response:
    """What is told to whom there is no place for: nothing was done, and it is safe to send again."""
    answer = problem(503, f"queue of {queue}", "full", "Send it again a little later.")
    answer.headers["Retry-After"] = "1"
    return answer


def unavailable(error_id: str) -> Response:
    """What could not be done for no fault of the asker: not acknowledged, safe to send again."""
    answer = problem(503, "server", error_id, "Send it again; the server's log has the cause under this id.")
    answer.headers["Retry-After"] = "1"
    return answer
