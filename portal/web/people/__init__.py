"""People: the provider's staff and customers' people, and invitations."""

from flask import Blueprint

bp = Blueprint("people", __name__)
