"""The overview, and the bars in it."""

from flask import Blueprint

bp = Blueprint("overview", __name__)
