"""What a WSGI server serves: `gunicorn portal.wsgi:app`."""

from portal import create_app, database, logs
from portal.config import load
from portal.web.overview.pages import add_up_ahead

logs.set_up(load()["LOG"])
app = create_app()
database.watch(app)
add_up_ahead(app)
