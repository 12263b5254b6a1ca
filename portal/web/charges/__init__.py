"""Charges: the list, one explained, entered by hand; what is to come, and what is announced."""

from flask import Blueprint

bp = Blueprint("charges", __name__, url_prefix="/charges")
