"""Setting up an authenticator app: its picture is drawn into the page, and a mistyped code begins nothing anew."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, make_response, render_template, session
from flask_security import current_user
from flask_security.utils import check_and_get_token_status

from portal.domain.errors import Invalid
from portal.web.http.headers import CSP_DRAWN
from portal.web.shared.fields import put_error
from portal.web.sign_in.forms import CodeForm
from portal.web.sign_in.settings import WRONG_CODE

View = Callable[..., Any]


def register(app: Flask) -> None:
    """Stand round Flask-Security's two views."""
    views = app.view_functions
    set_up, validate = "security.two_factor_setup", "security.two_factor_setup_validate"
    views[set_up] = _drawn(views[set_up])
    views[validate] = _drawn(_asking_again(app, views[validate]))


def _drawn(view: View) -> View:
    """Allow the page, and no other, a picture that is part of it."""

    def drawn(**values: Any) -> Response:
        response = make_response(view(**values))
        response.headers["Content-Security-Policy"] = CSP_DRAWN
        return response

    return drawn


def _asking_again(app: Flask, view: View) -> View:
    """After a wrong code show the same picture, which the app has read already."""

    def ask_again(token: str) -> Any:
        answer = view(token=token)
        if not g.pop("code_is_wrong", False):
            return answer
        session.pop("_flashes", None)  # the sentence stands at the field
        security = app.extensions["security"]
        _, _, state = check_and_get_token_status(
            token, "tf_setup", app.config["SECURITY_TWO_FACTOR_SETUP_WITHIN"]
        )
        drawn = security.totp_factory.fetch_setup_values(state["totp_secret"], current_user)
        form = CodeForm(formdata=None)
        put_error(form, Invalid("code", WRONG_CODE))
        page = render_template(
            "security/two_factor_setup.html",
            two_factor_verify_code_form=form,
            chosen_method="authenticator",
            state_token=token,
            authr_qrcode=drawn["image"],
            authr_key=drawn["key"],
        )
        return page, 422

    return ask_again
