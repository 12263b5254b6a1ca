"""Everybody's own account: name, password, second step, passkeys, and where they are signed in."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, session, url_for
from flask_security import current_user, logout_user
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import Length

from portal.clock import now
from portal.domain.errors import Invalid
from portal.domain.names import search_key
from portal.extensions import db
from portal.services.people import people, user_sessions
from portal.web.shared.fields import Required, put_error
from portal.web.sign_in.browsers import browser_name
from portal.web.sign_in.session import KEY, idle_since

bp = Blueprint("account", __name__, url_prefix="/account")


class NameForm(FlaskForm):
    """How a person is called beside what they do."""

    name = StringField(
        "Name",
        [
            Required("Enter your name."),
            Length(max=100, message="A name can have 100 characters at most."),
        ],
    )


@bp.get("")
def show() -> Any:
    return _page(NameForm(obj=current_user))


@bp.post("")
def update() -> Any:
    form = NameForm()
    if not form.validate_on_submit():
        return _page(form, 422)
    try:
        people.rename(_me(), form.name.data or "")
    except Invalid as error:
        put_error(form, error)
        return _page(form, 422)
    db.session.commit()
    flash("Saved your name.")
    return redirect(url_for(".show"), code=303)


@bp.post("/sessions/<key>/end")
def end_session(key: str) -> Any:
    if not user_sessions.end(_me().id, key, now()):
        abort(404)
    db.session.commit()
    flash("Signed out that browser.")
    return redirect(url_for(".show"), code=303)


@bp.post("/sessions/end")
def end_sessions() -> Any:
    """Sign out everywhere, and let no link or cookie of before be worth anything."""
    people.sign_out_everywhere(_me(), now())
    logout_user()
    flash("You are signed out everywhere.")
    return redirect(url_for("security.login"), code=303)


def _me() -> Any:
    return current_user._get_current_object()


def _page(form: NameForm, status: int = 200) -> Any:
    me = _me()
    context = {
        "form": form,
        "sessions": user_sessions.live_sessions(me.id, idle_since()),
        "here": user_sessions.digest(session.get(KEY, "")),
        "passkeys": sorted(me.webauthn, key=lambda passkey: search_key(passkey.name)),
        "backup_codes": len(me.mf_recovery_codes or []),
    }
    return render_template("account/show.html", **context), status


def utc(value: datetime) -> datetime:
    """An instant that is stored in UTC without saying so."""
    return value.replace(tzinfo=UTC)


@bp.record
def _filters(state: Any) -> None:
    for filter in (browser_name, utc):
        state.app.add_template_filter(filter)
