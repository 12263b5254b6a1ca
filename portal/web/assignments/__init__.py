"""Assignments: one, many, the section that lists them, and assigning."""

from flask import Blueprint

bp = Blueprint("assignments", __name__)
