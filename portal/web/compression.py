"""Pages and pictures go over the wire compressed. (Static files are compressed once, by WhiteNoise.)

How long a compressed page is would tell something of a secret in it to whoever can have words of their own put
into the same page again and again (the BREACH attack). Other sites cannot: the cookie is SameSite=Lax. Besides, each
answer carries a name of random length, so that lengths cannot be compared.
"""

import secrets
import string
from gzip import GzipFile
from io import BytesIO

from flask import Flask, Response, request

TYPES = ("text/html", "image/svg+xml")
LEAST = 1_000  # bytes: below, it is not worth the while
LEVEL = 5  # beyond it takes longer and saves next to nothing
LONGEST_NAME = 100


def compressed(body: bytes) -> bytes:
    """The body as gzip, of a length that does not say how well it was compressed."""
    name = "".join(secrets.choice(string.ascii_letters) for _ in range(1 + secrets.randbelow(LONGEST_NAME)))
    packed = BytesIO()
    with GzipFile(name, "wb", LEVEL, packed, mtime=0) as file:
        file.write(body)
    return packed.getvalue()


def register(app: Flask) -> None:
    """Compress what gains by it, for browsers that say that they take it."""

    @app.after_request
    def _compress(response: Response) -> Response:
        if response.mimetype not in TYPES or response.is_streamed or response.direct_passthrough:
            return response
        response.vary.add("Accept-Encoding")
        if "gzip" not in request.accept_encodings or "Content-Encoding" in response.headers:
            return response
        body = response.get_data()
        if len(body) >= LEAST:
            response.set_data(compressed(body))
            response.headers["Content-Encoding"] = "gzip"
        return response
