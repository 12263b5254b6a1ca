"""What the portal refuses before anybody thinks of it: forged, foreign, too large, too many, led astray."""

import os
import subprocess
import sys
from urllib.parse import urljoin, urlsplit

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from portal.cli import main
from portal.config import BadSetting, finish, load
from portal.extensions import db
from portal.web.http.access import READING
from portal.web.http.headers import CSP, CSP_DRAWN
from tests import world
from tests.pages import page, words

KEY = "a key of more than thirty-two characters"
EARNEST = {
    "PORTAL_MODE": "production",
    "PORTAL_SECRET_KEY": KEY,
    "PORTAL_TRUSTED_HOSTS": "portal.example.com",
    "PORTAL_URL": "https://portal.example.com",
}


@pytest.fixture
def another(folder, app):
    """The same database under an application with other settings."""
    made = []

    def make(**config):
        made.append(world.make_app(folder, app.config["SQLALCHEMY_DATABASE_URI"], **config))
        made[-1].extensions["portal.tests.cast"] = app.extensions["portal.tests.cast"]
        return made[-1]

    yield make
    for one in made:
        with one.app_context():
            db.engine.dispose()


# Forgery


def test_nothing_is_changed_without_a_token(another):
    """Whatever the address: every route that takes a POST refuses one without its page's token."""
    strict = another(WTF_CSRF_ENABLED=True)
    client = world.signed_in(strict, "owner")
    for rule in strict.url_map.iter_rules():
        if not rule.methods - set(READING):
            continue
        with strict.test_request_context():
            parts = {name: "dids" if name == "noun" else 1 for name in rule.arguments}
            path = rule.build(parts, append_unknown=False)[1]
        answer = client.post(path)
        assert answer.status_code in (400, 404), rule  # 404: the portal does not have it at all
        if answer.status_code == 400:
            assert "Load it again" in answer.text, rule


def test_no_get_changes_anything(app):
    """What only reads is told apart by its method; nothing else is taken for reading."""
    for rule in app.url_map.iter_rules():
        assert rule.methods <= {"GET", "HEAD", "OPTIONS", "POST"}, rule


# What the browser is told


def test_pages_allow_nothing_inline_and_nothing_foreign(client):
    for path in ("/", "/login", "/account", "/settings/people", "/nowhere"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"] == CSP
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "unsafe" not in CSP and "data:" not in CSP and "*" not in CSP and "frame-ancestors 'none'" in CSP


def test_only_where_a_picture_is_drawn_into_the_page_is_that_allowed(client):
    answer = client.post("/account/second-factor", data={"setup": "authenticator"})
    assert answer.headers["Content-Security-Policy"] == CSP_DRAWN


def test_cookies_of_a_portal_in_production_travel_over_https_and_to_nobody_else(another):
    earnest = another(
        MODE="production",
        SECRET_KEY=KEY,
        TRUSTED_HOSTS=["portal.example.com"],
        URL="https://portal.example.com",
    )
    typed = {"email": "owner@lumen.example", "password": world.PASSWORD}
    answer = earnest.test_client().post("/login", data=typed, base_url="https://portal.example.com")
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
        assert "Domain" not in cookie
    assert "Strict-Transport-Security" in answer.headers


# Led astray


@pytest.mark.parametrize(
    "there",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "http://localhost@evil.example/",
        "http://localhost.evil.example/",
        "\t//evil.example",
        "%0d%0a//evil.example",
        "data:text/html,x",
    ],
)
def test_nobody_is_led_to_another_host(anonymous, client, there):
    typed = {"email": "owner@lumen.example", "password": world.PASSWORD}
    answers = [
        anonymous.post("/login", data={**typed, "next": there}),
        client.post("/account/verify", query_string={"next": there}, data={"password": world.PASSWORD}),
        client.get("/login", query_string={"next": there}),
        client.post("/logout", data={"next": there}),
    ]
    for answer in answers:
        assert answer.status_code in (303, 400), answer.status_code
        location = answer.headers.get("Location", "/")
        assert "\\" not in location and not location.startswith("//"), location
        assert urlsplit(urljoin("http://localhost/login", location)).netloc == "localhost", location


# Too much


def test_a_form_of_very_many_fields_is_refused_before_it_is_read(client):
    answer = client.post(
        "/packages/preview", data="&".join(["a=1"] * 5_001), content_type="application/x-www-form-urlencoded"
    )
    assert "too large" in words(page(answer, 413).select_one("main"))


def test_a_form_of_very_many_parts_is_refused(client):
    part = '--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n'
    body = (part * 5_002 + "--b--\r\n").encode()
    answer = client.post("/dids/new/check", data=body, content_type="multipart/form-data; boundary=b")
    assert page(answer, 413)


def test_a_very_large_form_is_refused(client):
    assert page(client.post("/packages/preview", data={"name": "x" * 2_200_000}), 413)


def test_a_file_is_taken_only_where_one_is_read(client):
    import io

    data = {"name": "x", "file": (io.BytesIO(b"MZ..."), "setup.exe")}
    answer = client.post("/packages/preview", data=data, content_type="multipart/form-data")
    assert "cannot read this kind of file" in words(page(answer, 415).select_one("main"))


def test_json_is_no_form(anonymous, client):
    for browser, path in (
        (anonymous, "/login"),
        (anonymous, "/login/passkey/x"),
        (client, "/account/password"),
    ):
        for body in ({"email": ["x"]}, [1], "x", 7):
            assert browser.post(path, json=body).status_code == 415


def test_no_token_in_an_address_or_a_header_signs_anybody_in(app, anonymous):
    with app.test_request_context():
        from portal.models.user import User

        token = db.session.query(User).filter_by(email="owner@lumen.example").one().get_auth_token()
    assert anonymous.get("/", query_string={"auth_token": token}).status_code == 303
    assert anonymous.get("/", headers={"Authentication-Token": token}).status_code == 303
    assert anonymous.get("/", auth=("owner@lumen.example", world.PASSWORD)).status_code == 303


# Demo and production


@pytest.mark.parametrize("address", ["192.168.1.7", "203.0.113.5", "2001:db8::1", "", "x"])
def test_the_demo_answers_its_own_machine_only(anonymous, address):
    answer = anonymous.get("/login", environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == 403
    assert answer.text == "The demo answers its own machine only.\n"


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.7:8000", "localhost.evil.example"])
def test_the_demo_goes_by_its_own_name_only(anonymous, host):
    assert anonymous.get("/login", base_url=f"http://{host}").status_code == 400


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "portal.example.com"])
def test_the_demo_is_not_served_to_others(host):
    result = CliRunner().invoke(main, ["serve", "--host", host])
    assert result.exit_code == 1
    assert "it is for this machine only" in result.output


def test_a_portal_in_production_does_not_debug(monkeypatch, tmp_path):
    for name, value in {**EARNEST, "PORTAL_INSTANCE": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["serve", "--debug"])
    assert result.exit_code == 1 and "Debugging is not allowed" in result.output
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(BadSetting, match="FLASK_DEBUG"):
        finish(load())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"PORTAL_PROXIES": "1"}, "PORTAL_PROXIES"),
        ({"PORTAL_URL": "https://portal.example.com"}, "none of PORTAL_TRUSTED_HOSTS"),
        ({**EARNEST, "PORTAL_URL": "http://portal.example.com"}, "begins with https://"),
        ({**EARNEST, "PORTAL_URL": "https://elsewhere.example"}, "none of PORTAL_TRUSTED_HOSTS"),
        ({**EARNEST, "PORTAL_SMTP_PASSWORD": "x", "PORTAL_SMTP_TLS": "none"}, "PORTAL_SMTP_TLS"),
    ],
)
def test_settings_that_would_be_unsafe_are_refused(given, says, tmp_path):
    with pytest.raises(BadSetting, match=says):
        finish(load({"PORTAL_INSTANCE": str(tmp_path), **given}))


@pytest.mark.parametrize("missing", ["PORTAL_SECRET_KEY", "PORTAL_TRUSTED_HOSTS", "PORTAL_URL"])
def test_who_serves_it_without_what_it_needs_is_told_in_a_sentence(monkeypatch, tmp_path, missing):
    for name, value in {**EARNEST, "PORTAL_INSTANCE": str(tmp_path), missing: ""}.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1 and f"Error: {missing}: production needs" in result.output


@pytest.mark.slow
def test_without_its_secret_a_portal_in_production_does_not_start(tmp_path):
    environment = {**os.environ, **EARNEST, "PORTAL_SECRET_KEY": "", "PORTAL_INSTANCE": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", "import portal.wsgi"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0 and "PORTAL_SECRET_KEY" in run.stderr
    assert not (tmp_path / "secret-key").exists()


def test_an_error_of_the_database_tells_a_log_nothing_of_what_it_was_about(app, session):
    with pytest.raises(DatabaseError) as raised:
        session.execute(text("INSERT INTO nowhere (name) VALUES (:name)"), {"name": "Ann Secret"})
    session.rollback()
    assert "Ann Secret" not in str(raised.value) and "hide_parameters" in str(raised.value)


def test_an_error_in_production_shows_nothing_of_the_inside(another, monkeypatch):
    earnest = another(
        MODE="production", SECRET_KEY=KEY, TRUSTED_HOSTS=["portal.example.com"],
        URL="https://portal.example.com", TESTING=False, PROPAGATE_EXCEPTIONS=False,
    )  # fmt: skip
    monkeypatch.setitem(earnest.view_functions, "security.login", lambda: 1 / 0)
    answer = earnest.test_client().get("/login", base_url="https://portal.example.com")
    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text and "Traceback" not in answer.text


def test_a_secret_key_is_changed_without_losing_what_the_old_one_hid(another):
    """Second factors and backup codes are read with the old key; what is written is written with the new one."""
    old, new = another(SECRET_KEY=KEY), another(SECRET_KEY="n" * 40, OLD_SECRET_KEYS=[KEY])
    later = another(SECRET_KEY="l" * 40, OLD_SECRET_KEYS=["n" * 40])
    security = [one.extensions["security"] for one in (old, new, later)]
    secret = security[0].totp_factory.generate_totp_secret()
    assert security[1].totp_factory.get_totp_b32_key(secret) == security[0].totp_factory.get_totp_b32_key(
        secret
    )
    with pytest.raises(KeyError):
        security[2].totp_factory.get_totp_b32_key(secret)
    hidden = security[0].mf_recovery_codes_util._encrypt_codes(["code"])[0]
    assert security[1].mf_recovery_codes_util.cryptor.decrypt(hidden.encode()) == b"code"
