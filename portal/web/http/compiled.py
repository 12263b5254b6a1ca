"""Templates are compiled once for each content, and kept: a server that has just started answers as quickly as ever."""

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

from portal import private


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
    if app.debug or app.config.get("STATIC_AS_IS"):
        return
    kept = Kept(app)
    try:
        private.folder(app.config["INSTANCE"].resolve() / "templates")
    except OSError as error:
        kept.say(error)
    app.jinja_env.bytecode_cache = kept
