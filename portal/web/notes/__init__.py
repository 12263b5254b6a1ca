"""Notes on customers: writing them, coming back to them."""

from flask import Blueprint

bp = Blueprint("notes", __name__, url_prefix="/notes")
