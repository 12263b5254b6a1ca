"""Files and folders that hold data are made for their owner alone, whatever the machine lets others read."""

import os
from pathlib import Path

FOLDER, FILE = 0o700, 0o600


def folder(path: Path) -> Path:
    """The folder, made where there is none, with what leads to it."""
    for missing in reversed([part for part in (path, *path.parents) if not part.exists()]):
        missing.mkdir(mode=FOLDER, exist_ok=True)
    return path


def opener(path: str, flags: int) -> int:
    """What `open` opens a new file with."""
    return os.open(path, flags, FILE)
