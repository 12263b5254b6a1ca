"""The first page after signing in."""

from flask import Blueprint, render_template

bp = Blueprint("overview", __name__)


@bp.get("/")
def show() -> str:
    return render_template("overview/show.html")
