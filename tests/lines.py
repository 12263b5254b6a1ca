"""What the portal logs, line by line, as whatever collects logs reads it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from portal import logs


class Lines:
    """What was written so far."""

    def __init__(self) -> None:
        self.written = io.StringIO()

    def all(self, logger: str = "") -> list[dict[str, Any]]:
        """Each as it was written; of one logger."""
        found = [json.loads(line) for line in self.written.getvalue().splitlines()]
        return [line for line in found if logger in ("", line["logger"])]

    def last(self, logger: str = "portal.requests") -> dict[str, Any]:
        """The newest."""
        return self.all(logger)[-1]


@contextmanager
def read(least: int = logging.INFO) -> Iterator[Lines]:
    """Whatever is logged in here, in this process."""
    structlog.contextvars.clear_contextvars()
    lines = Lines()
    handler = logging.StreamHandler(lines.written)
    handler.setFormatter(logs.formatter("json"))
    root, portal = logging.getLogger(), logging.getLogger("portal")
    before = portal.level
    root.addHandler(handler)
    portal.setLevel(least)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        portal.setLevel(before)
