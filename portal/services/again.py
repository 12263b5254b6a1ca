"""Acts that are done once more where the database could not: two met, or one waited too long for another.

`again_and_again` commits.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError

from portal.extensions import db

TRIES = 20

Given = ParamSpec("Given")
Done = TypeVar("Done")


def again_and_again(
    act: Callable[Given, Done],
    refused: type[Exception] | tuple[type[Exception], ...] = OperationalError,
) -> Callable[Given, Done]:
    """The same act, in a transaction of its own: it is rolled back and done again where it is refused."""

    def done(*given: Given.args, **named: Given.kwargs) -> Done:
        for attempt in range(TRIES):
            try:
                result = act(*given, **named)
                db.session.commit()
                return result
            except refused:
                db.session.rollback()
                if attempt + 1 == TRIES:
                    raise
        raise AssertionError("unreachable")

    return done
