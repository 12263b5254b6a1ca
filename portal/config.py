"""The portal's settings: read from the environment, each with its default and its unit.

docs/configuration.md is written from this list by `portal settings`; a test keeps the two alike.
"""

import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from portal import private

HERE = Path(__file__).resolve().parent
# In a checkout templates/, static/ and migrations/ lie beside the package; in a wheel, inside it.
ROOT = HERE if (HERE / "templates").is_dir() else HERE.parent

DEMO, PRODUCTION = "demo", "production"
TEXT, JSON = "text", "json"
STARTTLS, TLS, NO_TLS = "starttls", "tls", "none"
# Without an account and with a password that everybody knows, the demo is for its own machine only.
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


class BadSetting(Exception):
    """A setting that the portal cannot start with; its text says which and why."""


def _folder() -> Path:
    return ROOT / "instance" if ROOT != HERE else Path(sys.prefix) / "var" / "portal"


def _mode(text: str) -> str:
    if text not in (DEMO, PRODUCTION):
        raise ValueError("demo or production")
    return text


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("a whole number, 0 or more")
    return number


def _fonts(text: str) -> Path | None:
    if text and not Path(text).is_dir():
        raise ValueError("one that is there")
    return Path(text) if text else None


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("a whole number, 1 or more")
    return number


def _look(text: str) -> str:
    if text not in (TEXT, JSON):
        raise ValueError("text or json")
    return text


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat() if text else ""


def _list(text: str) -> list[str] | None:
    return [part.strip() for part in text.split(",") if part.strip()] or None


def _tls(text: str) -> str:
    if text not in (STARTTLS, TLS, NO_TLS):
        raise ValueError("starttls, tls or none")
    return text


def _url(text: str) -> str:
    """Without anything after the host and port: the portal stands at the root of its name."""
    parts = urlsplit(text)
    is_plain = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    if text and not (parts.scheme in ("http", "https") and parts.hostname and is_plain and parts.port != 0):
        raise ValueError("a scheme, a host and perhaps a port, such as https://portal.example.com")
    return f"{parts.scheme}://{parts.netloc}" if text else ""


def _sender(text: str) -> str:
    from portal.domain.email_address import on_the_way  # here: `portal --help` needs no reader of addresses
    from portal.domain.errors import Invalid

    name, address = parseaddr(text)
    try:
        if text:
            on_the_way(address or text, name)
    except Invalid as error:
        raise ValueError(error.sentence) from None
    return text


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError("1 to 65535")
    return number


def _time(text: str) -> time | None:
    if text and not re.fullmatch(r"\d\d:\d\d", text):
        raise ValueError("such as 01:15")
    return time.fromisoformat(text) if text else None


@dataclass(frozen=True)
class Setting:
    """One environment variable: where it goes, what it is when not given, in what unit, and why."""

    name: str
    key: str
    default: str
    unit: str
    meaning: str
    read: Callable[[str], Any] = str


SETTINGS = (
    Setting(
        "PORTAL_MODE",
        "MODE",
        DEMO,
        "demo or production",
        "Demo makes its own secret key, shows the demo sign-in, and answers its own machine only. "
        "Production needs a secret key, trusted hosts and its URL, and sends cookies over HTTPS only.",
        _mode,
    ),
    Setting(
        "PORTAL_INSTANCE",
        "INSTANCE",
        "",
        "folder",
        "Where the portal keeps what it writes: the SQLite file, the demo's secret key, compressed "
        "static files, compiled templates. Empty: `instance` beside the checkout, or `var/portal` of the "
        "environment it is installed in.",
        lambda text: Path(text) if text else _folder(),
    ),
    Setting(
        "PORTAL_DATABASE_URL",
        "SQLALCHEMY_DATABASE_URI",
        "",
        "URL",
        "The database, such as `postgresql://portal@db/portal`. Empty: `portal.db` (SQLite) in the "
        "instance folder.",
    ),
    Setting(
        "PORTAL_SECRET_KEY",
        "SECRET_KEY",
        "",
        "text",
        "Signs sessions and forms: 32 characters or more, kept secret. Empty in demo mode: made "
        "once and kept in the instance folder.",
    ),
    Setting(
        "PORTAL_OLD_SECRET_KEYS",
        "OLD_SECRET_KEYS",
        "",
        "texts, with commas",
        "Earlier secret keys, newest first: what they signed or encrypted (second factors, backup codes) "
        "can still be read.",
        _list,
    ),
    Setting(
        "PORTAL_TRUSTED_HOSTS",
        "TRUSTED_HOSTS",
        "",
        "host names, with commas",
        "The host names under which the portal is served; others are refused. Empty, in demo mode only: "
        "`localhost` and its addresses.",
        _list,
    ),
    Setting(
        "PORTAL_URL",
        "URL",
        "",
        "URL",
        "Where people find the portal, such as `https://portal.example.com`: links in messages begin with it. "
        "Empty, in demo mode only: the address that the browser used.",
        _url,
    ),
    Setting(
        "PORTAL_PROXIES",
        "PROXIES",
        "0",
        "count",
        "How many proxies stand in front of the portal, each adding X-Forwarded-For, -Proto and -Host.",
        _whole,
    ),
    Setting(
        "PORTAL_MAX_BODY",
        "MAX_CONTENT_LENGTH",
        "33554432",
        "bytes",
        "The largest request (an uploaded file) that is accepted.",
        _whole,
    ),
    Setting(
        "PORTAL_MAX_FORM",
        "MAX_FORM_MEMORY_SIZE",
        "2097152",
        "bytes",
        "The largest form, without its files, that is accepted.",
        _whole,
    ),
    Setting(
        "PORTAL_SESSION_HOURS",
        "SESSION_HOURS",
        "12",
        "hours",
        "How long a sign-in lasts without being used.",
        _whole,
    ),
    Setting(
        "PORTAL_SIGN_IN_LIMIT",
        "SIGN_IN_LIMIT",
        "20 per minute; 120 per hour",
        "attempts per time and address",
        "How often one address may try to sign in, to have a password reset and the like, counted in each "
        "server process. (Wrong passwords are counted beside it, per account and address, for all "
        "processes.) Empty: no limit.",
    ),
    Setting(
        "PORTAL_SMTP_HOST",
        "SMTP_HOST",
        "",
        "host name",
        "The mail server. Empty: messages wait until there is one; in demo mode they are written to the log.",
    ),
    Setting("PORTAL_SMTP_PORT", "SMTP_PORT", "587", "port", "The port of the mail server.", _port),
    Setting(
        "PORTAL_SMTP_TLS",
        "SMTP_TLS",
        STARTTLS,
        "starttls, tls or none",
        "How the connection to the mail server is encrypted: after a greeting, from the start, or not at all.",
        _tls,
    ),
    Setting(
        "PORTAL_SMTP_USER", "SMTP_USER", "", "text", "The user name for the mail server. Empty: no sign-in."
    ),
    Setting("PORTAL_SMTP_PASSWORD", "SMTP_PASSWORD", "", "text", "The password for the mail server."),
    Setting(
        "PORTAL_MAIL_FROM",
        "MAIL_FROM",
        "",
        "e-mail address",
        "The sender of messages. Empty: the company's e-mail in Settings.",
        _sender,
    ),
    Setting(
        "PORTAL_TODAY",
        "TODAY",
        "",
        "YYYY-MM-DD",
        "The date the portal uses as today, for demonstrations and tests. Empty: today in the "
        "company's time zone.",
        _day,
    ),
    Setting(
        "PORTAL_FONTS",
        "FONTS",
        "",
        "folder",
        "More fonts (TTF, OTF, TTC) for PDFs, beside the portal's own (Latin, Greek, Cyrillic, Arabic, Hebrew, "
        "Thai, Devanagari) and the system's: Noto Sans CJK, for one, has Chinese, Japanese and Korean. All are looked "
        "for once: start the portal again after adding one. Empty: the portal's and the system's.",
        _fonts,
    ),
    Setting(
        "PORTAL_WORKERS",
        "WORKERS",
        "2",
        "processes",
        "How many server processes `portal serve` starts.",
        _some,
    ),
    Setting(
        "PORTAL_WAITING_FILE_DAYS",
        "WAITING_FILE_DAYS",
        "30",
        "days",
        "How long a file of calls, or one to move in with, of which nothing was imported waits to have its layout "
        "described, or to be continued, before it is discarded.",
        _some,
    ),
    Setting(
        "PORTAL_CALLS_EXPECTED_DAYS",
        "CALLS_EXPECTED_DAYS",
        "7",
        "days",
        "After how many days without a file of calls *To do* says so, once files have come: 1 where "
        "they come every night. 0: never.",
        _whole,
    ),
    Setting(
        "PORTAL_STATEMENT_SECONDS",
        "STATEMENT_SECONDS",
        "60",
        "seconds",
        "How long PostgreSQL may take for one answer to a page; what takes longer is given up, and said. (Commands "
        "take as long as they take.)",
        _some,
    ),
    Setting(
        "PORTAL_LOCK_SECONDS",
        "LOCK_SECONDS",
        "15",
        "seconds",
        "How long a page or a command waits on PostgreSQL for what somebody else is changing.",
        _some,
    ),
    Setting(
        "PORTAL_LOG",
        "LOG",
        TEXT,
        "text or json",
        "How a line of the log looks: text for a terminal, or JSON for what collects logs. Commands log what goes "
        "wrong; with JSON, what they do as well.",
        _look,
    ),
    Setting(
        "PORTAL_METRICS_TOKEN",
        "METRICS_TOKEN",
        "",
        "text",
        "Who may read `/metrics`: whoever sends this, 16 characters or more, as `Authorization: Bearer`. Empty: there "
        "are no metrics.",
    ),
    Setting(
        "PORTAL_RUN_CHUNK",
        "RUN_CHUNK",
        "7500",
        "assignments",
        "How many assignments a run processes in one transaction at most. It takes fewer where they take long, since "
        "other changes to assignments wait for a transaction: 0.15 second or so on SQLite, half a second on "
        "PostgreSQL.",
        _some,
    ),
    Setting(
        "PORTAL_CHARGE_AT",
        "CHARGE_AT",
        "01:15",
        "HH:MM",
        "When workers post what is due, every day, in the company's time zone; a day on which none ran is made up for. "
        "Empty: they do not, and cron does: `portal charge`.",
        _time,
    ),
    Setting(
        "PORTAL_NOTICES_AT",
        "NOTICES_AT",
        "07:00",
        "HH:MM",
        "When workers announce the charges to come and send the summaries of the month that is over, likewise. "
        "Empty: they do not, and cron does: `portal notices`, `portal summaries monthly`.",
        _time,
    ),
)

# What is not up to whoever runs the portal.
FIXED: Mapping[str, Any] = {
    # What a statement was about is people's data, and no log's.
    "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True, "hide_parameters": True},
    "MAX_FORM_PARTS": 5_000,
    "SESSION_COOKIE_NAME": "portal",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
    "RATELIMIT_STORAGE_URI": "memory://",
    "RATELIMIT_ENABLED": True,
}


def load(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Every setting, read and checked. BadSetting where the portal could not start with it."""
    if ROOT == HERE and not environ.get("PORTAL_MODE", "").strip():
        raise BadSetting(
            "There are no settings: this would make a demo. Give the command those that the portal is served with "
            "(PORTAL_MODE=production and the others, docs/running.md), or say PORTAL_MODE=demo."
        )
    _refuse_misspelt(environ)
    config = dict(FIXED)
    for setting in SETTINGS:
        text = environ.get(setting.name, setting.default).strip()
        try:
            config[setting.key] = setting.read(text)
        except ValueError as error:
            raise BadSetting(f"{setting.name}={text!r}: expected {setting.unit} ({error}).") from None
    return config


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    """A setting whose name is nearly right would be left out in silence: the database would be a new, empty one."""
    names = [setting.name for setting in SETTINGS]
    for name in set(environ) - set(names):
        is_like_ours = name.startswith("PORTAL_") and not name.startswith("PORTAL_TEST_")
        if is_like_ours and (near := get_close_matches(name, names, 1, 0.8)):
            raise BadSetting(f"{name}: there is no such setting. Is {near[0]} meant?")


def finish(config: dict[str, Any]) -> None:
    """Work out what follows from other settings. BadSetting where production lacks something."""
    from werkzeug.sansio.utils import host_is_trusted  # here: `portal --help` needs no web framework

    production = config["MODE"] == PRODUCTION
    folder: Path = config["INSTANCE"]
    private.folder(folder)
    url = config["SQLALCHEMY_DATABASE_URI"] or f"sqlite:///{folder / 'portal.db'}"
    # psycopg 3 is the driver, whichever way PostgreSQL is named.
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            url = "postgresql+psycopg://" + url.removeprefix(scheme)
    config["SQLALCHEMY_DATABASE_URI"] = url
    config["SESSION_COOKIE_SECURE"] = production
    config["PERMANENT_SESSION_LIFETIME"] = config["SESSION_HOURS"] * 3600
    if production and len(config["SECRET_KEY"]) < 32:
        raise BadSetting("PORTAL_SECRET_KEY: production needs one of 32 characters or more.")
    if production and not config["TRUSTED_HOSTS"]:
        raise BadSetting("PORTAL_TRUSTED_HOSTS: production needs the host names it is served under.")
    if production and not config["URL"]:
        raise BadSetting(
            "PORTAL_URL: production needs the address people find it at, such as https://portal.example.com."
        )
    if production and not config["URL"].startswith("https://"):
        raise BadSetting("PORTAL_URL: production is found at an address that begins with https://.")
    if production and os.environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        raise BadSetting("FLASK_DEBUG: not allowed in production; it would show internals of the portal.")
    if production and config["TODAY"]:
        raise BadSetting(
            "PORTAL_TODAY: not allowed in production; charges would be posted by a day that somebody set."
        )
    if not production and config["PROXIES"]:
        raise BadSetting(
            "PORTAL_PROXIES: the demo is for its own machine only and cannot run behind a proxy."
        )
    token = config["METRICS_TOKEN"]
    if token and (len(token) < 16 or not token.isascii() or " " in token):
        raise BadSetting("PORTAL_METRICS_TOKEN: 16 ASCII characters or more, and no spaces.")
    if config["SMTP_PASSWORD"] and config["SMTP_TLS"] == NO_TLS:
        raise BadSetting("PORTAL_SMTP_TLS=none: the password would be sent unencrypted.")
    config["TRUSTED_HOSTS"] = config["TRUSTED_HOSTS"] or LOOPBACK
    if config["URL"] and not host_is_trusted(urlsplit(config["URL"]).netloc, config["TRUSTED_HOSTS"]):
        raise BadSetting(
            "PORTAL_URL: its host is none of PORTAL_TRUSTED_HOSTS, so every link would be refused."
        )
    config["SECRET_KEY_FALLBACKS"] = config["OLD_SECRET_KEYS"] or []
    config["SECRET_KEY"] = config["SECRET_KEY"] or _kept_key(folder / "secret-key")


def _kept_key(path: Path) -> str:
    """The demo's secret key: made once, the same for every process."""
    try:
        descriptor = private.opener(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text()


def as_markdown() -> str:
    """The settings as the table that docs/configuration.md holds."""
    rows = [
        f"| `{s.name}` | {f'`{s.default}`' if s.default else 'empty'} | {s.unit} | {s.meaning} |"
        for s in SETTINGS
    ]
    return "\n".join(["| variable | default | unit | meaning |", "| --- | --- | --- | --- |", *rows])
