"""The portal as `portal serve` starts it: a process of its own, asked over the wire."""

import http.cookiejar
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from werkzeug.test import encode_multipart

from portal.config import ROOT
from tests.pages import read
from tests.world import share

KEY = "for tests only, and long enough to be one"
PATIENCE = 60  # seconds for it to start: machines are busy


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: dict[str, str]
    seconds: float


class Served:
    """A portal that is being served, and what it writes into its log."""

    def __init__(self, folder: Path, url: str, root: Path = ROOT, **settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.root, self.log = root, folder / f"served-{self.port}.log"
        self.environment = {
            **os.environ,
            "PORTAL_INSTANCE": str(folder / "instance"),
            "PORTAL_DATABASE_URL": url,
            "PORTAL_SECRET_KEY": KEY,
            "PYTHONPATH": str(root),
            **settings,
        }
        share(Path(self.environment["PORTAL_INSTANCE"]))
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.cli", "serve", "--port", str(self.port)],
                env=self.environment,
                cwd=root,
                stdout=log,
                stderr=log,
            )

    def ask(
        self,
        path: str,
        cookie: str = "",
        seconds: float = PATIENCE,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """GET, or POST of a form; TimeoutError where nothing comes within so many seconds."""
        sent = None if form is None else urllib.parse.urlencode(form).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", sent, headers or {})
        if cookie:
            asked.add_header("Cookie", f"portal={cookie}")
        began = time.monotonic()
        try:
            with urllib.request.urlopen(asked, timeout=seconds) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            answer, text = error, error.read().decode()
        return Answer(answer.status, text, dict(answer.headers), time.monotonic() - began)

    def wait_for(self, path: str, status: int, cookie: str = "") -> Answer:
        """Ask until it answers so."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                answer = self.ask(path, cookie)
                if answer.status == status:
                    return answer
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(f"{path} does not answer {status}:\n{self.log.read_text()}")

    def send_raw(self, request: bytes) -> bytes:
        """Whatever it is, request or not; the beginning of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as wire:
            wire.sendall(request)
            return wire.recv(4096)

    def command(self, *arguments: str) -> tuple[int, str]:
        """`portal ARGUMENTS` of the same version on the same database: its exit status, and what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "portal.cli", *arguments],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def end(self) -> None:
        """Stop serving."""
        self.process.terminate()
        self.process.wait(PATIENCE)


class Person:
    """A browser without script: it keeps its cookies, and sends forms as pages have them."""

    def __init__(self, portal: Served) -> None:
        self.root, self.token = f"http://127.0.0.1:{portal.port}", ""
        self.cookies = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    @property
    def cookie(self) -> str:
        """What the portal knows it by."""
        return next(cookie.value or "" for cookie in self.cookies if cookie.name == "portal")

    def get(self, path: str) -> str:
        """A page, whatever its status."""
        return self._open(urllib.request.Request(self.root + path))

    def send(
        self, path: str, at: str = "", files: dict[str, tuple[str, str]] | None = None, **fields: str
    ) -> str:
        """Send the form that the page `at` has for a path, with these fields typed and files chosen; what follows."""
        form = read(self.get(at or path)).select_one(f'form[method=post][action="{path}"]')
        hidden = {str(one["name"]): str(one.get("value", "")) for one in form.select("input[type=hidden]")}
        self.token = hidden["csrf_token"]
        chosen = {name: (BytesIO(text.encode()), named) for name, (named, text) in (files or {}).items()}
        kind, body = encode_multipart({**hidden, **fields, **chosen})
        sent = urllib.request.Request(self.root + path, body)
        sent.add_header("Content-Type", f"multipart/form-data; boundary={kind}")
        sent.add_header("Referer", self.root + path)
        return self._open(sent)

    def _open(self, request: urllib.request.Request) -> str:
        try:
            with self.browser.open(request, timeout=PATIENCE) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
