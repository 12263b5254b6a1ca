"""The styleguide: every component in every state, in demo mode only."""

from flask import Blueprint

bp = Blueprint("styleguide", __name__, url_prefix="/styleguide")
