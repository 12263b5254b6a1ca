"""What a WSGI server serves: `gunicorn portal.wsgi:app`."""

from portal import create_app, database
from portal.web.overview.pages import add_up_ahead

app = create_app()
database.watch(app)
add_up_ahead(app)
