"""Faults found where two are at work at the same moment."""

import re
import threading
from datetime import date
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import BalanceEntry, Call, Did, Package
from portal.services.calls import importing
from tests import world
from tests.calling import a_file, a_line, taken_in
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned


def at_once(app, *acts):
    """Answers of acts, let loose together."""
    barrier, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def do(n, act):
        barrier.wait()
        try:
            answers[n] = act()
        except BaseException as error:  # noqa: BLE001
            answers[n] = f"{type(error).__name__}: {str(error)[:200]}"

    threads = [threading.Thread(target=do, args=(n, act)) for n, act in enumerate(acts)]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    return answers


def form_of(client, some, token):
    """The form of pasted numbers, looked at before."""
    page = client.post(
        "/dids/new/check?by=lines",
        data={
            "text": "\n".join(some),
            "token": token,
            "country": "",
            "quantity": "1",
            "start_date": "2026-11-22",
            "package": "",
        },
    )
    found = re.search(r'name="fingerprint"[^>]*value="(\w+)"', page.get_data(as_text=True))
    return {
        "text": "\n".join(some),
        "token": token,
        "country": "",
        "quantity": "1",
        "package": "",
        "start_date": "2026-11-22",
        "fingerprint": found[1],
    }


@pytest.mark.only_on("postgresql")
def test_two_clerks_take_in_the_same_new_numbers_in_another_order(app, session):
    a_customer()
    db.session.commit()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.testing = False
    bad = []
    for r in range(6):
        numbers = [f"+4420794{r}{n:04}" for n in range(3000)]
        clients = [world.signed_in(app, "owner"), world.signed_in(app, "billing")]

        def send(client, some, token):
            data = form_of(client, some, token)

            def act():
                a = client.post("/dids?by=lines", data=data)
                return a.status_code, a.get_data(as_text=True)[:0]

            return act

        got = at_once(app, send(clients[0], numbers, f"t{r}a"), send(clients[1], numbers[::-1], f"t{r}b"))
        bad.append(got)
    print(bad)
    assert not [1 for got in bad for one in got if isinstance(one, str) or one[0] >= 500], bad
