"""All that the Python knows of htmx: was it asked by it, and how is it answered."""

from typing import Any

from flask import Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse


def is_htmx() -> bool:
    """Whether htmx asks for a part of a page (a plain browser asks for a whole one)."""
    return request.headers.get("HX-Request") == "true"


def fragment(template: str, status: int = 200, **context: Any) -> Response:
    """Render a partial, with any flashed messages riding along out of band."""
    body = render_template(template, **context) + render_template("_toasts.html", oob=True)
    response = make_response(body, status)
    response.vary.add("HX-Request")
    return response


def see_other(url: str) -> AnyResponse:
    """Send the browser elsewhere, whichever way it asked."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, code=303)
