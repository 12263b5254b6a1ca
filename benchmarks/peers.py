"""What other software makes of the same task: a month of documents for so many subscriptions, in a SQLite file.

Two libraries for Django, each installed into a throw-away environment of its own, as of its last release and with the
Django that it was made for. Where they cannot be installed, that is said and nothing is measured.
"""

import json
import subprocess
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import duration, per_second, show

HERE = Path(__file__).with_name("peer_scripts")
PEERS = {
    "django-silver": ("with_silver.py", "django-silver==0.11.1", "typing_extensions==4.15.0"),
    "django-flexible-subscriptions": (
        "with_flexible.py",
        "django-flexible-subscriptions==0.15.1",
        "Django==3.2.25",
    ),
}
ENOUGH = 900  # seconds


def measure(subscriptions: int) -> None:
    """Let each of them charge so many subscriptions."""
    rows = []
    for name, (script, *needs) in PEERS.items():
        with TemporaryDirectory(prefix="portal-peer-") as folder:
            try:
                charges, seconds = _measured(Path(folder), HERE / script, needs, subscriptions)
            except subprocess.SubprocessError as error:
                print(f"  {name} was not measured: {_last_line(error)}", flush=True)
                continue
        rows.append((name, f"{charges:,}", duration(seconds), per_second(charges, seconds)))
    if rows:
        show(
            f"Peers, {subscriptions:,} subscriptions on sqlite",
            ("what", "charges", "time", "charges/s"),
            rows,
        )


def _measured(folder: Path, script: Path, needs: list[str], subscriptions: int) -> tuple[int, float]:
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needs]
    subprocess.run(install, check=True, capture_output=True, text=True, timeout=ENOUGH)
    run = [python, script, str(folder / "peer.db"), str(subscriptions)]
    done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=ENOUGH, cwd=folder)
    found = json.loads(done.stdout.splitlines()[-1])
    return found["charges"], found["seconds"]


def _last_line(error: subprocess.SubprocessError) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return (said.strip().splitlines() or [""])[-1]
