"""Without a queue: a process of its own for each long job, which goes on when the request that started it is over."""

import os
import subprocess
import sys

from flask import current_app

from portal.config import ROOT

# The command that carries a job out, and the argument with its number, if it has one.
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "charge": (("charge", "--run"), "run_id"),
    "undo": (("charge", "--undo"), "undo_id"),
    "import_calls": (("import", "calls", "--import"), "import_id"),
    "undo_import": (("import", "undo"), "import_id"),
    "move_in": (("import", "go-on"), "move_id"),
    "undo_move": (("import", "take-back"), "move_id"),
    "book_lines": (("import", "statement", "--book"), "statement_id"),
    "send_summaries": (("summaries", "write"), ""),
}


def start(name: str, **arguments: int) -> subprocess.Popen[bytes]:
    """Start the command of a job, with the settings that this server has."""
    command, number = COMMANDS[name]
    config = current_app.config
    environment = {
        **os.environ,
        "PORTAL_MODE": config["MODE"],
        "PORTAL_INSTANCE": str(config["INSTANCE"]),
        "PORTAL_DATABASE_URL": config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_SECRET_KEY": config["SECRET_KEY"],
        "PORTAL_TRUSTED_HOSTS": ",".join(config["TRUSTED_HOSTS"] or ()),
        "PORTAL_URL": config["URL"],
        "PORTAL_TODAY": config["TODAY"],
        "PORTAL_RUN_CHUNK": str(config["RUN_CHUNK"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "portal.cli", *command, *([str(arguments[number])] if number else [])],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
