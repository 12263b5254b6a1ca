"""Import: files to move in with, checked before anything is made of them."""

from flask import Blueprint

bp = Blueprint("moving_in", __name__, url_prefix="/imports")
