"""What a WSGI server serves: `gunicorn portal.wsgi:app`."""

import ctypes
import signal
import sys

from portal import create_app, database
from portal.web.overview.pages import add_up_ahead

WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG


def _end_with_the_server() -> None:
    """Where gunicorn's first process is killed, its others end too, each with its answer, and let go of the port.

    By themselves they notice only when they are asked next, or after a minute.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(WHEN_PARENT_ENDS, signal.SIGTERM)


_end_with_the_server()
app = create_app()
database.watch(app)
add_up_ahead(app)
