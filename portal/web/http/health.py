"""Is the portal up, and does its database answer? For whoever watches over it; open to all."""

from flask import Blueprint

from portal.extensions import db

bp = Blueprint("health", __name__)


@bp.get("/health")
def show() -> tuple[dict[str, str], int]:
    """200 with `ok`, or 503 with what does not answer."""
    try:
        db.session.execute(db.text("SELECT 1"))
    except db.exc.SQLAlchemyError:
        return {"status": "no answer from the database"}, 503
    return {"status": "ok"}, 200
