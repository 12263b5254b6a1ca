"""Pages and pictures go over the wire compressed. (Static files are compressed once, by WhiteNoise.)

How long a compressed page is would tell something of a secret in it to whoever can have words of their own put
into the same page again and again (the BREACH attack). So nothing is compressed that another site may have asked
for. Besides, its requests come without the cookie, which is SameSite=Lax.
"""

import gzip

import brotli
from flask import Flask, Response, request

TYPES = ("text/html", "image/svg+xml")
LEAST = 1_000  # bytes: below, it is not worth the while
# As far as it gains: beyond it takes longer and saves next to nothing. Brotli, which browsers take over HTTPS, makes a
# long list a third smaller than gzip does, in the same time.
WAYS = {
    "br": lambda body: brotli.compress(body, quality=5),
    "gzip": lambda body: gzip.compress(body, 5, mtime=0),
}
OURS = ("same-origin", "none")  # a page of the portal asked, or somebody who typed the address
JUDGED_BY = ("Accept-Encoding", "Sec-Fetch-Site", "Referer")


def asked_by_nobody_else() -> bool:
    """Whether the request comes from a page of the portal, or was typed. Browsers before 2023 name the page only."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in OURS
    return (request.referrer or "").startswith(request.host_url)


def register(app: Flask) -> None:
    """Compress what gains by it, for browsers that say that they take it."""

    @app.after_request
    def _compress(response: Response) -> Response:
        if response.mimetype not in TYPES or response.is_streamed or response.direct_passthrough:
            return response
        response.vary.update(JUDGED_BY)
        way = next((way for way in WAYS if request.accept_encodings.quality(way) > 0), "")
        if not way or "Content-Encoding" in response.headers:
            return response
        body = response.get_data()
        if len(body) >= LEAST and asked_by_nobody_else():
            response.set_data(WAYS[way](body))
            response.headers["Content-Encoding"] = way
        return response
