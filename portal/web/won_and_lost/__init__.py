"""What was won and lost: the assignments that come to more or less in a month than they did."""

from flask import Blueprint

bp = Blueprint("won_and_lost", __name__, url_prefix="/won-and-lost")
