"""Which pages may call the API from a browser (CORS)."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from serving.http.answers import problem

METHODS: Final = ("GET", "HEAD", "POST")
HEADERS: Final = ("Authorization", "Content-Encoding", "Content-Type")


class Browsers(CORSMiddleware):
    """Answers preflights and names the allowed origin on every answer, errors as well. Credentials are allowed because browsers send them
    with every beacon; the API reads none: it knows bearer tokens and the ads' own."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        super().__init__(app, origins, METHODS, HEADERS, allow_credentials=True, expose_headers=("Retry-After",))

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        asked = f"{request_headers['access-control-request-method']} from {request_headers['origin']}"
        refusal = problem(
            answer.status_code, "preflight", asked, "Name the page's origin in `allowed_origins`; send the headers that are documented."
        )
        for name, value in answer.headers.items():
            if name.startswith("access-control-") or name == "vary":
                refusal.headers[name] = value
        return refusal
