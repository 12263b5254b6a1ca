"""The one search: a box on every page of the provider, and a page of what it finds."""

from flask import Blueprint

bp = Blueprint("search", __name__)
