"""Customers: the list, the page, everything about one."""

from flask import Blueprint

bp = Blueprint("customers", __name__, url_prefix="/customers")
