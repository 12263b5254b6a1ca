"""Margins: what earns, by package, customer or DID."""

from flask import Blueprint

bp = Blueprint("margins", __name__, url_prefix="/margins")
