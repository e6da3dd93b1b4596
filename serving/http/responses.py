"""What routes may answer beside 200, as the description of the API says it."""

from __future__ import annotations

from typing import Any, Final

from serving.http.wire import Problem

Responses = dict[int | str, dict[str, Any]]
BAD: Final[Responses] = {
    400: {"description": "The body is not JSON"},
    408: {"model": Problem, "description": "The body does not arrive"},
    413: {"model": Problem, "description": "The body is too large"},
    415: {"model": Problem, "description": "An encoding other than gzip and deflate"},
    422: {"model": Problem, "description": "Bad input; `error.thing` names the field"},
}
BUSY: Final[Responses] = {503: {"model": Problem, "description": "Too many wait for a decision; send it again"}}
LATER: Final[Responses] = {503: {"model": Problem, "description": "Not recorded; send it again"}}
LOCKED: Final[Responses] = {401: {"model": Problem, "description": "Token needed"}}
TEXT: Final = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format"}
FORGED: Final[Responses] = {403: {"model": Problem, "description": "An event token that is not the ad's"}}
UNLISTED: Final[Responses] = {404: {"model": Problem, "description": "Unknown campaign"}}
ABSENT: Final[Responses] = {404: {"model": Problem, "description": "Unknown decision"}}
