"""Credit: a customer's balance, and payments."""

from flask import Blueprint

bp = Blueprint("credit", __name__, url_prefix="/customers/<int:customer_id>/credit")
