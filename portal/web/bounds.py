"""What may come in at all: ids that a database can hold, text that it can store."""

from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound, SecurityError
from werkzeug.routing import IntegerConverter, Map, ValidationError

from portal.web.errors import problem

LARGEST_ID = 2**63 - 1


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
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def register(app: Flask) -> None:
    """Refuse early what could only fail late."""
    app.url_map.converters["int"] = Id

    @app.before_request
    def _by_our_name() -> Response | None:
        """Asked by a foreign name there is no address to point to: no page, only a sentence."""
        if not isinstance(request.routing_exception, SecurityError):
            return None
        return Response("The portal does not go by this name.\n", 400, mimetype="text/plain")

    @app.before_request
    def _storable() -> Response | None:
        if not storable(request.path):
            raise NotFound
        for name, values in (*request.args.lists(), *request.form.lists()):
            if not storable(name) or not all(storable(value) for value in values):
                label = name.rsplit("-", 1)[-1].replace("_", " ").replace("\0", "").title()
                return problem(422, f"{label} holds a character that cannot be stored. Type it again.")
        return None
