"""DIDs: the list, the page, and adding them."""

from flask import Blueprint

bp = Blueprint("dids", __name__, url_prefix="/dids")
