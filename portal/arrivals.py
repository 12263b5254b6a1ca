"""Files that others put into a folder: which of them are there whole, and moving each away, over nothing."""

import errno
import filecmp
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

from portal import private

# How programs that copy and download call a file that is not whole yet.
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~")
QUIET_FOR = timedelta(minutes=1)
# A file system, or a file of somebody else's, that can have no second name.
NO_SECOND_NAME = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


class Changed(Exception):
    """A file is not what it was when it was read."""


class Arrived(NamedTuple):
    """Something in a folder, and why it is left where it is; nothing, where it is a file that is there whole."""

    path: Path
    left: str


def in_folder(folder: Path, now: datetime, besides: set[Path]) -> Iterator[Arrived]:
    """What lies in a folder, by name, but for the folders `besides`. OSError where it cannot be read."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        try:
            found = path.lstat()
        except FileNotFoundError:  # somebody has moved it meanwhile
            continue
        if stat.S_ISDIR(found.st_mode) and path.resolve() in besides:
            continue
        yield Arrived(path, _why_left(path.name, found, now))


def _why_left(name: str, found: os.stat_result, now: datetime) -> str:
    if name.startswith("."):
        return "hidden"
    if stat.S_ISDIR(found.st_mode):
        return "a folder: name it to import what is in it"
    if not stat.S_ISREG(found.st_mode):
        return "no file of its own"
    if name.lower().endswith(UNFINISHED):
        return "still being written, by its name"
    # What says to be of tomorrow is of a machine whose clock is wrong.
    if abs(now - datetime.fromtimestamp(found.st_mtime, UTC)) < QUIET_FOR:
        return "changed within the last minute, so perhaps still being written"
    return ""


def move(path: Path, folder: Path, read: os.stat_result) -> Path:
    """Move a file into a folder; where it is now. A name that is taken there gets a number behind it.

    Nothing is written over, also in another file system, and whoever is killed in here leaves the file under its old
    name, its new one or both: moved again, it is there once. `read` is what the file was when it was read: Changed
    where it is another one by now. FileNotFoundError where it is gone; OSError where it cannot be moved.
    """
    private.folder(folder)
    if folder.samefile(path.parent):
        return path
    if path.is_symlink():
        raise OSError(errno.EINVAL, "it is a link to a file")
    if _kind_of(path.lstat()) != _kind_of(read):
        raise Changed
    for number in count(1):
        target = folder / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")
        try:
            _put(path, target)
        except FileExistsError:
            if not _is_same(path, target):
                continue
            path.unlink(missing_ok=True)
        return target
    raise AssertionError("unreachable")


def _kind_of(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _is_same(path: Path, target: Path) -> bool:
    """Whether a file has been moved there before, and is only left under its old name."""
    return target.is_file() and (path.samefile(target) or filecmp.cmp(path, target, shallow=False))


def _put(path: Path, target: Path) -> None:
    """Give a file another name, in whatever file system. FileExistsError where something has that name."""
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            _copy(path, target)
        elif error.errno in NO_SECOND_NAME:
            _rename(path, target)
        else:
            raise
    else:
        if path.samefile(target):  # and no other one that came under the old name meanwhile
            path.unlink(missing_ok=True)


def _rename(path: Path, target: Path) -> None:
    """The same, where a file can have one name only: what keeps the new one free meanwhile is an empty file."""
    os.close(private.opener(str(target), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        path.replace(target)
    except OSError as error:
        target.unlink()
        if error.errno != errno.EXDEV:
            raise
        _copy(path, target)


def _copy(path: Path, target: Path) -> None:
    """The same in another file system, by a copy that is hidden until all of it is on the disk."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    found = path.lstat()
    descriptor, name = tempfile.mkstemp(".part", ".", target.parent)
    part = Path(name)
    try:
        with open(descriptor, "wb") as out, path.open("rb") as file:
            shutil.copyfileobj(file, out)
            out.flush()
            os.fsync(out.fileno())
        shutil.copystat(path, part)
        _put(part, target)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    if _kind_of(path.lstat()) == _kind_of(found):
        path.unlink()
