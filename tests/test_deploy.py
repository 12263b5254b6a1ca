"""What lies in deploy/ and what the documents say of it: tried, where the programs that read it are installed.

What is missing here is skipped, and said loudly at the end (tests/conftest.py).
"""

import datetime
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import create_engine, text

from portal.config import ROOT, SETTINGS, finish, load
from portal.extensions import db
from tests import served, world
from tests.trade import a_customer, a_package, assigned

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
TIMERS = [path for path in UNITS if path.suffix == ".timer"]
EXPOSED_LESS_THAN = 3.0
DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "running.md"]
# Five fields of time, then what cron hands to sh.
CRON = re.compile(r"^(?:.*`| *(?:Every \w+: +)?)((?:[\d*/]+ +){5})(\S[^`\n]*)", re.M)


def needed(program, *, beside=""):
    """Where a program is; skips what needs it where it is not."""
    found = shutil.which(program) or shutil.which(program, path=f"{beside}:/usr/sbin")
    if not found:
        pytest.skip(f"NOT TESTED: there is no {program} here")
    return found


# -- systemd


@pytest.fixture
def units(tmp_path):
    """The units as they are installed; what they start is there."""
    portal = tmp_path / "portal"
    portal.write_text("#!/bin/sh\n")
    portal.chmod(0o755)
    for unit in UNITS:
        said = unit.read_text().replace("/srv/portal/venv/bin/portal", str(portal))
        (tmp_path / unit.name).write_text(said)
    return tmp_path


def test_systemd_finds_nothing_amiss_in_the_units(units):
    verify = needed("systemd-analyze")
    paths = [str(units / unit.name) for unit in UNITS]
    done = subprocess.run([verify, "verify", *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_exposed_little(units, unit):
    command = [needed("systemd-analyze"), "security", "--offline=true", "--no-pager", str(units / unit.name)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    assert exposure < EXPOSED_LESS_THAN, said


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_started_with_the_machine_or_by_its_timer(unit):
    said = unit.read_text()
    by_timer = unit.with_suffix(".timer") in TIMERS and unit.suffix == ".service"
    assert ("\n[Install]\nWantedBy=" in said) == (not by_timer)
    if unit.suffix == ".service":
        assert "\nEnvironmentFile=/etc/portal/portal.env\n" in said
        assert re.search(r"^After=.*\bpostgresql\.service$", said, re.M)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_what_is_started_is_a_command_of_the_portal(unit):
    (started,) = re.findall(r"/srv/portal/venv/bin/portal ([a-z]+)", unit.read_text())
    known = subprocess.run(
        [sys.executable, "-m", "portal.cli", started, "--help"], cwd=ROOT, capture_output=True, check=False
    )
    assert known.returncode == 0, f"portal {started}"


# -- settings


def values(environment_file):
    """What sh makes of a file of settings."""
    script = f"set -a; . {environment_file}; exec env -0"
    said = subprocess.run(["env", "-i", "/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    found = dict(row.split("=", 1) for row in said.stdout.split("\0") if row)
    return {name: value for name, value in found.items() if name.startswith(("PORTAL_", "PG"))}


def test_sh_systemd_and_compose_read_the_same_in_the_file_of_settings():
    """Single quotes are the one way to write a value with ; and spaces that all of them understand alike."""
    rows = [row for row in (DEPLOY / "portal.env").read_text().splitlines() if row]
    settings = [re.fullmatch(r"(?:# )?([A-Z_]+)='([^'\\$]*)'", row) for row in rows]
    assert all(found or row.startswith("# ") for found, row in zip(settings, rows, strict=True))
    given = {found[1]: found[2] for found in settings if found and not found[0].startswith("#")}
    assert values(DEPLOY / "portal.env") == given
    assert any(";" in value and " " in value for value in given.values())
    names = {found[1] for found in settings if found}
    assert names - {setting.name for setting in SETTINGS} == {"PGPASSWORD"}


def test_the_file_of_settings_lacks_nothing_but_its_secret_key(tmp_path):
    given = values(DEPLOY / "portal.env")
    finish(load({**given, "PORTAL_SECRET_KEY": "k" * 32, "PORTAL_INSTANCE": str(tmp_path)}))


# -- cron


def lines_of_cron():
    """What the documents and the commands' own help say for cron."""
    texts = [(path, path.read_text()) for path in DOCUMENTS]
    texts += [(path, path.read_text()) for path in sorted((ROOT / "portal" / "commands").glob("*.py"))]
    return [(path.name, found[2].strip()) for path, said in texts for found in CRON.finditer(said)]


@pytest.mark.slow
@pytest.mark.parametrize("line", sorted({line for _, line in lines_of_cron()}))
def test_a_line_of_cron_does_its_work_as_printed_in_an_empty_environment(line, tmp_path):
    """In which it has neither settings nor a PATH of its own; only the folders are this test's."""
    url = f"sqlite:///{tmp_path / 'instance' / 'portal.db'}"
    app = world.make_app(tmp_path, url)
    world.upgrade(app)
    with app.app_context():
        assigned(a_package("Trunk", "20", match=(1,)), a_customer("Acme"), datetime.date(2026, 11, 1))
        db.session.commit()
        db.engine.dispose()
    assert line.startswith("/usr/local/bin/portal "), "cron finds no other"
    portal = tmp_path / "venv-portal"
    portal.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m portal.cli "$@"\n')
    settings = tmp_path / "portal.env"
    said = (DEPLOY / "portal.env").read_text().replace("/var/lib/portal", str(tmp_path / "instance"))
    said = re.sub(r"(?m)^PORTAL_DATABASE_URL=.*", f"PORTAL_DATABASE_URL='{url}'", said)
    settings.write_text(said.replace("PORTAL_SECRET_KEY=''", f"PORTAL_SECRET_KEY='{served.KEY}'"))
    command = tmp_path / "portal"
    script = (DEPLOY / "portal").read_text().replace("/etc/portal/portal.env", str(settings))
    command.write_text(script.replace("/srv/portal/venv/bin/portal", str(portal)))
    for each in (portal, command):
        each.chmod(0o755)
    (tmp_path / "backups").mkdir()
    (tmp_path / "spool" / "calls").mkdir(parents=True)
    ours = line.replace("/usr/local/bin/portal", str(command))
    ours = ours.replace("/var/backups/portal", str(tmp_path / "backups"))
    ours = ours.replace("/var/spool/portal", str(tmp_path / "spool"))
    assert not re.search(r"(?<!\\)%", ours), "cron takes what follows a % for input"
    empty = ["env", "-i", "HOME=/", "LOGNAME=portal", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    run = [*empty, "/bin/sh", "-c", ours.replace(r"\%", "%")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    if line.split()[1] == "charge":
        engine = create_engine(url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM run")) == 1
        engine.dispose()
    if line.split()[1] == "backup":
        (made,) = (tmp_path / "backups").iterdir()
        assert re.fullmatch(r"portal-\d{4}-\d\d-\d\d", made.name)


def test_every_document_says_what_belongs_to_cron():
    found = {(where, line.split()[1]) for where, line in lines_of_cron()}
    for where in ("README.md", "running.md"):
        assert {(where, command) for command in ("charge", "notices", "mail", "backup")} <= found


# -- the proxy

# What nginx 1.25.1 and later say of the words that 1.22 needs.
OLD_HTTP2 = 'the "listen ... http2" directive is deprecated'


@pytest.fixture
def behind_nginx(tmp_path):
    """The portal in production, behind nginx with the file as it is, but for its ports, its name and its folders."""
    nginx = needed("nginx")
    url = f"sqlite:///{tmp_path / 'instance' / 'portal.db'}"
    world.upgrade(world.make_app(tmp_path, url))
    plain, tls = free_ports(2)
    production = {
        "PORTAL_MODE": "production",
        "PORTAL_TRUSTED_HOSTS": "localhost",
        "PORTAL_URL": f"https://localhost:{tls}",
        "PORTAL_PROXIES": "1",
    }
    portal = served.Served(tmp_path, url, **production)
    certify(tmp_path)
    said = (DEPLOY / "nginx.conf").read_text()
    for old, new in {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls} ssl http2;",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "server_name portal.example.com": "server_name localhost",
        "127.0.0.1:8000": f"127.0.0.1:{portal.port}",
        "/etc/nginx/portal": str(tmp_path),
    }.items():
        assert old in said, old
        said = said.replace(old, new)
    kept = "\n".join(
        f"{name}_temp_path {tmp_path / name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "portal.conf").write_text(said)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/nginx.pid; error_log {tmp_path}/nginx.log; worker_processes 1;\nevents {{}}\n"
        f"http {{ access_log off; {kept}\ninclude {tmp_path}/portal.conf; }}\n"
    )
    if os.geteuid() == 0:  # nginx hands its work to another user, who has to come near
        for folder in (tmp_path, *tmp_path.parents):
            if folder.is_relative_to("/tmp") and folder != Path("/tmp"):
                folder.chmod(folder.stat().st_mode | 0o055)
    command = [nginx, "-p", str(tmp_path), "-e", f"{tmp_path}/nginx.log", "-c", f"{tmp_path}/nginx.conf"]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    warned = [line for line in tested.stderr.splitlines() if "[warn]" in line and OLD_HTTP2 not in line]
    assert tested.returncode == 0 and not warned, tested.stderr
    proxy = subprocess.Popen([*command, "-g", "daemon off;"])
    portal.wait_for("/health", 200)
    yield portal, plain, tls
    proxy.terminate()
    proxy.wait(served.PATIENCE)
    if portal.process.poll() is None:
        portal.end()


def free_ports(count):
    """Ports that nobody listens on."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def certify(folder):
    """A certificate of our own for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(private)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer."""

    def redirect_request(self, *_args):
        return None


def ask(url, body=None, trusts=None):
    context = ssl.create_default_context(cafile=trusts) if trusts else None
    handlers = [NoRedirects(), urllib.request.HTTPSHandler(context=context)]
    try:
        answer = urllib.request.build_opener(*handlers).open(urllib.request.Request(url, body), timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read().decode()


def spoken_with(port, trusts):
    """What the proxy chooses to speak with a browser that knows HTTP/2."""
    context = ssl.create_default_context(cafile=trusts)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("localhost", port), timeout=30) as wire,
        context.wrap_socket(wire, server_hostname="localhost") as secret,
    ):
        return secret.selected_alpn_protocol()


@pytest.mark.slow
def test_the_portal_behind_nginx(behind_nginx, tmp_path):
    portal, plain, tls = behind_nginx
    trusts = tmp_path / "fullchain.pem"
    until = time.monotonic() + served.PATIENCE
    while True:
        try:
            status, headers, _ = ask(f"http://localhost:{plain}/packages?q=1")
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)
    assert (status, headers["Location"]) == (301, "https://localhost/packages?q=1")
    status, headers, said = ask(f"https://localhost:{tls}/login", trusts=trusts)
    assert status == 200 and "Sign in" in said and "Secure" in headers["Set-Cookie"]
    assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
    assert spoken_with(tls, trusts) == "h2"
    assert ask(f"https://localhost:{tls}/metrics", trusts=trusts)[0] == 404
    # Too large for the portal, and then too large for the proxy.
    most = load({"PORTAL_MODE": "demo"})["MAX_CONTENT_LENGTH"]
    status, _, said = ask(f"https://localhost:{tls}/login", b"x" * (most + 1), trusts)
    assert status == 413 and "Send a smaller file, or split it." in said
    status, _, said = ask(f"https://localhost:{tls}/login", b"x" * (most + 2 * 1024 * 1024), trusts)
    assert status == 413 and "nginx" in said
    portal.end()
    status, headers, said = ask(f"https://localhost:{tls}/login", trusts=trusts)
    assert (status, headers["Retry-After"]) == (503, "5") and "Try again in a minute." in said


# -- containers


def test_the_linter_finds_nothing_amiss_in_the_dockerfile():
    hadolint = needed("hadolint", beside=str(Path(sys.executable).parent))
    done = subprocess.run([hadolint, str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_reads_its_file(tmp_path):
    docker = needed("docker")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("NOT TESTED: there is no docker compose here")
    settings = tmp_path / "portal.env"
    settings.write_text((DEPLOY / "portal.env").read_text() + "PGPASSWORD='; a secret'\n")
    said = (DEPLOY / "compose.yaml").read_text().replace("/etc/portal/portal.env", str(settings))
    (tmp_path / "compose.yaml").write_text(said)
    command = [docker, "compose", "--env-file", str(settings), "config", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert services["database"]["environment"]["POSTGRES_PASSWORD"] == "; a secret"
    for name in ("upgrade", "web", "worker"):
        assert services[name]["environment"].items() >= values(settings).items()


def test_the_image_is_installed_as_the_document_says_and_copies_all_that_is_built():
    steps = (DEPLOY / "Dockerfile").read_text()
    manual = (ROOT / "docs" / "running.md").read_text()
    documented = re.findall(rf"^    (/srv/portal/venv-{version('portal')}/bin/pip install .*)$", manual, re.M)
    assert len(documented) == 3
    for step in documented:
        step = re.sub(r"venv-[\d.]+", "venv", step)
        assert step.replace("pip install", "pip install --no-cache-dir") in steps
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", steps, re.M))
    assert {"portal", "templates", "static", "migrations", "pyproject.toml README.md"} <= copied
    allowed = {
        row[1:] for row in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if row[:1] == "!"
    }
    assert {name for names in copied for name in names.split()} == allowed
