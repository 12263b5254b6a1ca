"""One CSRF token a session: a page says the same, byte for byte, for as long as nothing changes.

Flask-WTF signs the time into each token. Here a token holds as long as its session (`WTF_CSRF_TIME_LIMIT`), so the
time would say nothing, and make two answers differ that are the same.
"""

from flask import Flask, current_app, g, request, session
from itsdangerous import TimestampSigner, URLSafeTimedSerializer


class Timeless(TimestampSigner):
    """Signs what Flask-WTF reads, always of one age."""

    def get_timestamp(self) -> int:
        """The beginning of time."""
        return 0


def register(app: Flask) -> None:
    """Have the token at hand that a page of this session carries. (Its first page makes it.)"""

    @app.before_request
    def _one_token() -> None:
        if request.endpoint == "static":
            return
        if known := session.get("csrf_token"):
            serializer = URLSafeTimedSerializer(
                current_app.secret_key or "", salt="wtf-csrf-token", signer=Timeless
            )
            g.csrf_token = serializer.dumps(known)
