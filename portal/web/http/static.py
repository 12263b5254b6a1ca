"""Static files: under a name that holds their hash, compressed, kept by browsers for ever.

Ready-made copies lie in the instance folder, named by content, so that any number of processes may
write them at once and none is ever stale. While debugging, files are served as they stand.
"""

import gzip
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import brotli
from flask import Flask
from whitenoise import WhiteNoise

from portal import private
from portal.web.http.headers import HEADERS

COMPRESSED = {".css", ".js", ".svg", ".txt", ".html", ".json", ".ttf"}
REFERENCE = re.compile(rb"""(url\(\s*["']?|@import\s+["'])(?!data:|/|#|https?:)([^"')]+)""")


class Copies:
    """The static files of `source`, copied under hashed names to `target`."""

    def __init__(self, source: Path, target: Path) -> None:
        self.source, self.target = source, target
        self.names: dict[str, str] = {}
        for path in sorted(source.rglob("*")):
            if path.is_file():
                self.add(path.relative_to(source).as_posix())

    def add(self, name: str) -> str:
        """Copy one file, and first those that it refers to; answer its hashed name."""
        if name in self.names:
            return self.names[name]
        path = self.source / name
        content = path.read_bytes()
        if path.suffix == ".css":
            content = REFERENCE.sub(lambda match: self._resolved(path, match), content)
        digest = hashlib.sha256(content).hexdigest()[:12]
        hashed = Path(name).with_suffix(f".{digest}{path.suffix}").as_posix()
        self.names[name] = hashed
        self._write(self.target / hashed, content)
        return hashed

    def _resolved(self, path: Path, match: re.Match[bytes]) -> bytes:
        """A reference in a style sheet, pointed at the hashed copy."""
        text, mark, rest = match[2].decode().partition("#")
        referred = (path.parent / text).resolve()
        if not referred.is_file() or not referred.is_relative_to(self.source):
            return match[0]
        hashed = self.target / self.add(referred.relative_to(self.source).as_posix())
        there = os.path.relpath(hashed, (self.target / path.relative_to(self.source)).parent)
        return match[1] + (Path(there).as_posix() + mark + rest).encode()

    def _write(self, path: Path, content: bytes) -> None:
        """Write what is not there yet; compressing takes long, and is done once for each content."""
        private.folder(path.parent)
        if path.exists():  # written last
            return
        if path.suffix in COMPRESSED:
            for suffix, compress in ((".br", brotli.compress), (".gz", _gzip)):
                smaller = compress(content)
                if len(smaller) < len(content):
                    _put(path.with_name(path.name + suffix), smaller)
        _put(path, content)


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _put(path: Path, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)  # a full disk does not fill up with drafts
        raise


def _add_headers(headers: Any, _path: str, _url: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value


def register(app: Flask) -> None:
    """Serve the copies, and let `url_for('static', ...)` name them."""
    if app.debug or app.config.get("STATIC_AS_IS"):
        return
    target = app.config["INSTANCE"].resolve() / "static"
    try:
        copies = Copies(Path(str(app.static_folder)).resolve(), target)
    except OSError as error:  # the disk is full: they are served as they stand, and copied by the next start
        app.logger.error("Static files cannot be copied, and are served as they stand: %s", error)
        return
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(target),
        prefix="static/",
        max_age=3600,
        immutable_file_test=lambda path, url: True,
        add_headers_function=_add_headers,
    )

    @app.url_defaults
    def _hashed(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values["filename"] = copies.names.get(values["filename"], values["filename"])
