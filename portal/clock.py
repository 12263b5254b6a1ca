"""The only place that reads the clock. Web and command line ask here and hand the answer down."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app
from sqlalchemy import func, select

from portal.extensions import db
from portal.models.company import company


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def agreed_now() -> datetime:
    """This instant as the database has it: the same for every machine (PostgreSQL)."""
    answer: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
    return answer.astimezone(UTC)


def zone() -> ZoneInfo:
    """The portal's time zone: the company's setting."""
    try:
        return ZoneInfo(company().time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def today() -> date:
    """The civil date in the portal's time zone; PORTAL_TODAY has the first word."""
    if fixed := current_app.config["TODAY"]:
        return date.fromisoformat(fixed)
    return now().astimezone(zone()).date()
