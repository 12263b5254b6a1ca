"""The hidden field that makes a form which is sent twice count once."""

from typing import Any
from uuid import uuid4

from wtforms import HiddenField


class TokenField(HiddenField):
    """A form that is opened has a new token; one that is shown again keeps its own, if it came with one.

    What is no token is refused by whoever stores the form (`portal.services.once`), not by the field: a form that only
    asks what would come of it needs none.
    """

    data: str

    def process_data(self, value: Any) -> None:
        """A new token, unless one is given."""
        self.data = value or uuid4().hex

    def process_formdata(self, valuelist: list[Any]) -> None:
        """What the form came with: nothing is nothing, never a new one."""
        self.data = str(valuelist[0]) if valuelist else ""

    def _value(self) -> str:
        return self.data if self.data.strip() and not self.errors else uuid4().hex
