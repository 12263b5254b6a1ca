"""Long runs and imports: a process of their own, which goes on when the request that started it is over."""

import os
import subprocess
import sys

from flask import current_app

from portal.config import ROOT

# More assignments due than this are not dealt with while somebody waits for the page.
IN_REQUEST_MOST = 2_000


def charge_detached(run_id: int) -> subprocess.Popen[bytes]:
    """Start `portal charge --run ID` with the settings that this server has."""
    return _start("charge", "--run", str(run_id))


def undo_detached(undo_id: int) -> subprocess.Popen[bytes]:
    """Start `portal charge --undo ID` likewise."""
    return _start("charge", "--undo", str(undo_id))


def import_detached(import_id: int) -> subprocess.Popen[bytes]:
    """Start `portal import calls --import ID` likewise."""
    return _start("import", "calls", "--import", str(import_id))


def _start(*arguments: str) -> subprocess.Popen[bytes]:
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
        [sys.executable, "-m", "portal.cli", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
