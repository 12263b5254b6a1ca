"""Where an uploaded file lies until all of it is taken in: a folder of the portal's own, under a name of its own."""

from pathlib import Path
from typing import IO, Protocol
from uuid import uuid4

from portal import private


class Upload(Protocol):
    """An uploaded file, as the web framework holds it."""

    def save(self, dst: IO[bytes]) -> None:
        """Write it to an open file."""


def folder(instance: Path) -> Path:
    """The folder of files that wait to be taken in."""
    return Path(instance) / "calls"


def keep(upload: Upload, instance: Path) -> Path:
    """Keep an uploaded file; the name it came with is not trusted."""
    path = folder(instance) / uuid4().hex
    private.folder(path.parent)
    with open(path, "wb", opener=private.opener) as file:
        upload.save(file)
    return path


def let_go(path: str | Path, instance: Path) -> None:
    """Remove a file that was uploaded; one that somebody named where it lies stays there."""
    if path and Path(path).parent == folder(instance):
        Path(path).unlink(missing_ok=True)
