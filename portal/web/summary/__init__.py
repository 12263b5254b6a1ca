"""A charge summary: the page, and on paper."""

from flask import Blueprint

bp = Blueprint("summary", __name__)
