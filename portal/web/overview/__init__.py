"""The overview, and its charts."""

from flask import Blueprint

bp = Blueprint("overview", __name__)
