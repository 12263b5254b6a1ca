"""Calls: files taken in, their columns, and a customer's calls."""

from flask import Blueprint

bp = Blueprint("calls", __name__)
