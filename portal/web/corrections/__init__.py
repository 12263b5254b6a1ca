"""Corrections back to a day: the form with what it would post, and what was made."""

from flask import Blueprint

bp = Blueprint("corrections", __name__, url_prefix="/corrections")
