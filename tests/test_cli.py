"""The command `portal`: quick to say what it can, plain when it refuses."""

import socket
import subprocess
import sys
import warnings

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from portal.cli import main
from portal.commands import COMMANDS
from portal.extensions import db
from portal.models.user import User
from portal.services.people import people


@pytest.fixture
def portal(app, monkeypatch):
    """Run `portal ...` on the test's database."""
    monkeypatch.setattr("portal.create_app", lambda: app)

    def run(*arguments, status=0, **options):
        result = CliRunner().invoke(main, [str(part) for part in arguments], **options)
        assert result.exit_code == status, result.output
        return result.output

    return run


def test_help_lists_every_command_and_imports_none():
    code = (
        "import sys, portal.cli\n"
        "try: portal.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('flask', 'sqlalchemy') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("[]\n")
    assert all(f"  {name} " in run.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_say_what_it_does(name):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 2


def test_a_member_of_staff_is_created_once(portal, app):
    create = ("user", "create", "Ann@Lumen.example", "--name", "Ann", "--role", "viewer")
    said = portal(*create, "--password", "long enough for us")
    assert said == "Ann can sign in as Ann@Lumen.example (viewer).\n"
    with app.app_context():
        ann = db.session.scalars(select(User).where(User.email == "ann@lumen.example")).one()
        assert ann.has_role("viewer")
    assert "already has an account" in portal(*create, "--password", "long enough for us", status=1)


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("no address", "long enough for us", "not an e-mail address"),
        ("a@b.example", "short", "12 characters"),
    ],
)
def test_a_person_who_could_not_sign_in_safely_is_refused(portal, email, password, says):
    assert says in portal("user", "create", email, "--name", "A", "--password", password, status=1)


def test_the_demo_is_not_loaded_into_a_portal_in_production(portal, app, monkeypatch):
    monkeypatch.setitem(app.config, "MODE", "production")
    assert "demo mode only" in portal("seed", status=1)


@pytest.mark.slow
def test_a_portfolio_is_made_up_in_an_empty_portal_only(portal, app):
    said = portal("seed", "--assignments", 20, "--due-on", "2026-11-22")
    assert said.splitlines()[-1] == "Made up: 20 assignments, charged from 22 November 2026 on."
    with app.app_context():
        nora = db.session.scalars(select(User).where(User.email == people.DEMO_CUSTOMER_EMAIL)).one()
        assert nora.customer_id, "`portal serve` says that she can sign in"
    assert "and this one has packages. Nothing was changed." in portal("seed", "--assignments", 20, status=1)


def test_a_day_or_a_history_is_one_of_a_portfolio(portal):
    assert "--due-on and --history go with --assignments." in portal("seed", "--history", status=2)
    said = portal("seed", "--assignments", 20, "--due-on", "2001-01-01", status=2)
    assert "--due-on must be between 2005 and 2190." in said


def test_a_port_in_use_is_reported_at_once(portal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = portal("serve", "--port", str(port), status=6)
    assert f"Cannot listen on port {port} of 127.0.0.1: address already in use." in said
    assert f"make run PORT={port + 1}" in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "The portal is at  http://localhost:{port}\n"),
        (
            {
                "PORTAL_MODE": "production",
                "PORTAL_SECRET_KEY": "k" * 32,
                "PORTAL_TRUSTED_HOSTS": "portal.example.com",
                "PORTAL_URL": "https://portal.example.com/",
            },
            "The portal is at  https://portal.example.com\n",
        ),
    ],
)
def test_who_serves_it_is_told_where_people_find_it(monkeypatch, tmp_path, given, says):
    for name, value in {"PORTAL_INSTANCE": str(tmp_path), **given}.items():
        monkeypatch.setenv(name, value)
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    started = []
    monkeypatch.setattr("os.execv", lambda *arguments: started.append(arguments))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    said = CliRunner().invoke(main, ["serve", "--port", str(port)]).output
    assert started and says.format(port=port) in said
    assert ("localhost" in said) == (not given)
    assert ("Nobody can sign in yet" in said) == (not given) and "Password" not in said


def test_who_cannot_get_in_is_let_in_from_the_command_line(portal, app):
    said = portal("user", "password", "owner@lumen.example", "--password", "three-lanterns-burn-late")
    assert said == "Olivia Brandt can sign in with the new password.\n"
    typed = {"email": "owner@lumen.example", "password": "three-lanterns-burn-late"}
    assert app.test_client().post("/login", data=typed).status_code == 302
    assert "with the password only" in portal("user", "no-second-step", "owner@lumen.example")
    assert "Nobody has an account with x@y.example" in portal(
        "user", "no-second-step", "x@y.example", status=1
    )


def test_mail_that_waits_is_sent(portal, app):
    from portal.clock import now
    from portal.services.mail import outbox as mail

    with app.app_context():
        mail.queue("one", "ann@acme.example", "Your phone", "…", now=now())
        db.session.commit()
    assert portal("mail", "send").endswith("\n1 sent.\n")  # behind the message, which the log takes
    assert portal("mail", "send") == "0 sent.\n"


def test_mail_that_cannot_be_sent_is_no_success_and_says_why(portal, app, client):
    from portal.clock import now
    from portal.services.mail import outbox as mail
    from tests.pages import page, words

    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = probe.getsockname()[1]
    app.config.update(SMTP_HOST="127.0.0.1", SMTP_PORT=nobody, SMTP_TLS="none")
    with app.app_context():
        mail.queue("one", "ann@acme.example", "Your phone", "…", now=now())
        mail.queue("two", "bob@acme.example", "Your fax", "…", now=now())
        db.session.commit()
    for _ in range(2):  # also while it only waits for the next try
        said = portal("notices", status=3)
        assert f"The mail server 127.0.0.1:{nobody} could not be reached" in said
    with app.app_context():
        db.session.execute(text("UPDATE mail SET due_at = created_at"))
        db.session.commit()
    assert "could not be reached" in portal("mail", "send", status=3)
    told = words(page(client.get("/settings/mail")).select_one("main"))
    assert "ann@acme.example Your phone waiting" in told and "bob@acme.example Your fax waiting" in told
    assert f"The mail server 127.0.0.1:{nobody} could not be reached" in told


def test_all_mail_was_sent(client):
    from tests.pages import page, words

    assert "All mail was sent." in words(page(client.get("/settings/mail")).select_one("main"))


def test_it_says_its_version():
    assert CliRunner().invoke(main, ["--version"]).output == "portal 0.1.0\n"


def test_a_command_without_its_database_says_one_sentence_and_has_a_status_for_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PORTAL_INSTANCE", str(tmp_path))
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://portal@127.0.0.1:1/portal")
    for command in (["charge"], ["db", "upgrade"], ["preview"], ["mail", "send"]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 4, result.output
        assert result.output.startswith("Error: The database does not answer: connection failed")
        assert len(result.output.splitlines()) == 1


def test_an_error_in_the_portal_is_one_sentence_and_shown_whole_where_that_is_asked_for(portal, monkeypatch):
    monkeypatch.setattr("portal.services.notices.to_announce", lambda _day: 1 / 0)
    said = portal("notices", status=70)
    assert "ZeroDivisionError: division by zero" in said and len(said.splitlines()) == 1
    assert "Traceback (most recent call last)" in portal("--traceback", "notices", status=70)


def test_a_refusal_and_a_file_that_cannot_be_written_are_one_sentence(portal, tmp_path):
    tmp_path.chmod(0o500)
    (tmp_path / "file").write_text("")
    assert "Error: " in portal("db", "upgrade", "7777", status=1)
    span = ("2026-01-01", "2026-01-31", "--pdf", "--into", tmp_path / "file" / "x")
    assert len(portal("summary", "all", *span, status=0).splitlines()) == 1


def test_whether_the_tables_are_right_is_said_without_warnings_and_a_database_without_any_is_told_how_to_get_them(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("PORTAL_INSTANCE", str(tmp_path))
    monkeypatch.delenv("PORTAL_DATABASE_URL", raising=False)
    before = CliRunner().invoke(main, ["db", "check"])
    assert (before.exit_code, before.output) == (
        5, "Error: The database has no tables yet. Make them: portal db upgrade.\n",
    )  # fmt: skip
    assert CliRunner().invoke(main, ["db", "upgrade"]).exit_code == 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        after = CliRunner().invoke(main, ["db", "check"])
    assert after.exit_code == 0, after.output
    assert not [str(one.message) for one in warned if "index" in str(one.message)]


def test_an_installed_copy_without_settings_makes_no_demo(monkeypatch):
    from portal import config

    monkeypatch.setattr(config, "ROOT", config.HERE)
    with pytest.raises(config.BadSetting, match="There are no settings"):
        config.load({})
    assert config.load({"PORTAL_MODE": "demo"})["MODE"] == "demo"


def test_the_portal_is_not_served_on_a_database_that_it_was_not_made_for(monkeypatch, tmp_path):
    monkeypatch.setenv("PORTAL_INSTANCE", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    result = CliRunner().invoke(main, ["serve", "--port", str(port)])
    assert (result.exit_code, result.output) == (
        5, "Error: The database has no tables yet. Make them: portal db upgrade.\n",
    )  # fmt: skip
