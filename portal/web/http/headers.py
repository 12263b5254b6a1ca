"""What every answer tells the browser to refuse: foreign scripts, frames, guesses."""

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# Only where a page draws a picture that nobody else may fetch: setting up an authenticator app.
CSP_DRAWN = f"{CSP}; img-src 'self' data:"
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ONE_YEAR = "max-age=31536000; includeSubDomains"


def register(app: Flask) -> None:
    """Send them with every answer, and believe the proxies that the settings name."""
    if proxies := app.config["PROXIES"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )

    @app.after_request
    def _secure(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", ONE_YEAR)
        # Pages hold people's data: a browser keeps none of them for whoever sits there next.
        # Files and pictures likewise, whatever made the answer; static files alone are nobody's.
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
