"""Runs: started, watched and read; and what is held."""

from flask import Blueprint

bp = Blueprint("runs", __name__, url_prefix="/runs")
