"""Settings of the company, and the audit log."""

from flask import Blueprint

bp = Blueprint("settings", __name__, url_prefix="/settings")
