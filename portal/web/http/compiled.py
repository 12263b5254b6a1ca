"""Templates are compiled once for each content, and kept: a server that has just started answers as quickly as ever."""

from collections.abc import Callable, MutableMapping
from functools import lru_cache
from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import Environment, FileSystemBytecodeCache, Template
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from portal import private

# Names, numbers and days are short, and come again; whoever writes long texts must not fill the memory with them.
SHORT = 60
_of_short = lru_cache(maxsize=4_096)(escape)


def written(value: Any) -> Markup:
    """A value as a page has it: escaped. A long page has ten thousand, most of them again and again: Jinja's own way
    takes a fifth of all the time in which the page is written."""
    kind = type(value)
    if kind is Markup:
        return value  # type: ignore[no-any-return]
    return _of_short(value) if kind is str and len(value) <= SHORT else escape(value)


class Writing(Template):
    """A template whose values are `written`."""

    @classmethod
    def from_code(
        cls,
        environment: Environment,
        code: CodeType,
        globals: MutableMapping[str, Any],
        uptodate: Callable[[], bool] | None = None,
    ) -> Template:
        """As Jinja makes it."""
        made = super().from_code(environment, code, globals, uptodate)
        made.root_render_func.__globals__["escape"] = written
        return made


class Kept(FileSystemBytecodeCache):
    """Compiled templates in a folder. What cannot be kept there, on a full disk, is compiled again next time."""

    def __init__(self, app: Flask) -> None:
        super().__init__(str(app.config["INSTANCE"].resolve() / "templates"))
        self.app, self.said = app, False

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read a template's code, if it is there."""
        try:
            super().load_bytecode(bucket)
        except OSError as error:
            self.say(error)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write a template's code, if there is room for it."""
        try:
            super().dump_bytecode(bucket)
        except OSError as error:
            self.say(error)

    def say(self, error: OSError) -> None:
        """Once in each process: there are many templates."""
        if not self.said:
            self.app.logger.error("Compiled templates cannot be kept, pages take longer: %s", error)
        self.said = True


def register(app: Flask) -> None:
    """Keep compiled templates in the instance folder. They are read again only for the very same source."""
    app.jinja_env.template_class = Writing
    if app.debug or app.config.get("STATIC_AS_IS"):
        return
    kept = Kept(app)
    try:
        private.folder(app.config["INSTANCE"].resolve() / "templates")
    except OSError as error:
        kept.say(error)
    app.jinja_env.bytecode_cache = kept
