"""Packages: the list, the page, everything about one, and the platform's services behind them."""

from flask import Blueprint

bp = Blueprint("packages", __name__, url_prefix="/packages")
