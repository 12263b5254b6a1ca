"""Templates are compiled once for each content, and kept: a server that has just started answers as quickly as ever."""

from flask import Flask
from jinja2 import FileSystemBytecodeCache

from portal import private


def register(app: Flask) -> None:
    """Keep compiled templates in the instance folder. They are read again only for the very same source."""
    if app.debug or app.config.get("STATIC_AS_IS"):
        return
    folder = private.folder(app.config["INSTANCE"].resolve() / "templates")
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(folder))
