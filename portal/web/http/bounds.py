"""What may come in at all: from where, how much, ids that a database can hold, text that it can store."""

import re
from ipaddress import ip_address
from typing import Any

from flask import Flask, Response, abort, request
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge, SecurityError
from werkzeug.routing import IntegerConverter, Map, ValidationError

from portal.config import DEMO
from portal.web.http.errors import problem

# The views that read a file, and judge by its content what it is. No other takes one.
UPLOADS = {
    "bank_statements.create",
    "calls.create",
    "did_intake.check",
    "moving_in.create",
    "settings.update_logo",
}
FORM = "application/x-www-form-urlencoded"
LARGEST_ID = 2**63 - 1
NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


class Id(IntegerConverter):
    """A whole number in a URL. One that no database could hold is nobody's: 404."""

    def __init__(
        self,
        map: Map,
        fixed_digits: int = 0,
        min: int | None = None,
        max: int | None = LARGEST_ID,
        signed: bool = False,
    ) -> None:
        super().__init__(map, fixed_digits, min, max, signed)

    def to_python(self, value: str) -> Any:
        """The number. Python itself refuses to read one of thousands of digits."""
        if len(value) > len(str(LARGEST_ID)):
            raise ValidationError
        return super().to_python(value)


def storable(text: str) -> bool:
    """Whether both databases can hold it: no NUL, no half of a surrogate pair."""
    return not NOT_STORABLE.search(text)


def mended(text: str) -> str:
    """The text with a mark in place of each letter that cannot be stored."""
    return text if storable(text) else "".join(c if storable(c) else "\ufffd" for c in text)


def is_loopback(address: str) -> bool:
    """Whether it is this machine's own."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def register(app: Flask) -> None:
    """Refuse early what could only fail late."""
    app.url_map.converters["int"] = Id

    @app.before_request
    def _demo_at_home() -> Response | None:
        """The demo's password stands in its manual: only its own machine is answered, however it is served."""
        if app.config["MODE"] != DEMO or is_loopback(request.remote_addr or ""):
            return None
        return Response("The demo answers its own machine only.\n", 403, mimetype="text/plain")

    @app.before_request
    def _by_our_name() -> Response | None:
        """Asked by a foreign name there is no address to point to: no page, only a sentence."""
        if not isinstance(request.routing_exception, SecurityError):
            return None
        return Response("The portal is not served under this name.\n", 400, mimetype="text/plain")

    @app.before_request
    def _not_too_many() -> None:
        """Count the fields of a form before they are read; of one in parts werkzeug counts them."""
        if request.mimetype == FORM:
            if (request.content_length or 0) > app.config["MAX_FORM_MEMORY_SIZE"]:
                raise RequestEntityTooLarge
            if request.get_data(cache=True).count(b"&") >= app.config["MAX_FORM_PARTS"]:
                raise RequestEntityTooLarge
        if request.endpoint not in UPLOADS and any(file.filename for file in request.files.values()):
            app.logger.warning("A file was sent to %s, which is not among UPLOADS.", request.endpoint)
            abort(415)

    @app.before_request
    def _storable() -> Response | None:
        if not storable(request.path):
            raise NotFound
        # An address only asks: with a mark in place of what no text holds it finds nothing.
        asked = [(mended(name), mended(value)) for name, value in request.args.items(multi=True)]
        request.args = request.parameter_storage_class(asked)
        for name, values in request.form.lists():
            if name is None:  # a part that says nothing of itself
                raise BadRequest
            if not storable(name) or not all(storable(value) for value in values):
                label = name.rsplit("-", 1)[-1].replace("_", " ").replace("\0", "").title()
                return problem(422, f"{label} contains a character that cannot be stored. Type it again.")
        return None


def row_id(text: str) -> int:
    """An id as an address or a form names it. ValueError for what no row can have."""
    if not (
        text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID)) and int(text) <= LARGEST_ID
    ):
        raise ValueError(text)
    return int(text)
