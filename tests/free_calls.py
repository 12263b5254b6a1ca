"""The oracle's calls: what is known of them on a day, and what free minutes cover, naively, from the rules.

A call in a portfolio is a tuple (customer, DID, day, amount), or a dict with more of it:

    {"customer": "acme", "did": None, "day": day, "amount": "3.20", "came_in_on": day, "starts": text that sorts,
     "call_id": "c1", "destination": "442079460999", "seconds": 90}

Every day everything is worked out again from the beginning: each bundle's minutes are given back, and all calls
known by then take from them in their order. Only periods that ended more than 90 days ago keep what they cover.
"""

import re
from datetime import date, timedelta
from fractions import Fraction

ONE_DAY = timedelta(days=1)
FAR = date(9999, 1, 1)


class Call:
    """One call."""

    def __init__(self, said, number):
        if not isinstance(said, dict):
            customer, did, day, amount = said
            said = {"customer": customer, "did": did, "day": day, "amount": amount}
        self.customer, self.did, self.day = said["customer"], said.get("did"), said["day"]
        self.amount = Fraction(str(said["amount"]))
        self.came_in_on = said.get("came_in_on") or self.day
        self.destination = re.sub(r"^(\+|00)", "", said.get("destination", ""))
        self.seconds = said.get("seconds", 0)
        self.order = (self.day, said.get("starts", ""), said.get("call_id", f"usage-{number}"))
        # Of each bundle and period: seconds and amount.
        self.covered = {}

    @property
    def spend(self):
        return self.amount - sum(amount for _, amount in self.covered.values())

    def names(self, did):
        return did in (self.did, "+" + self.destination)


class Calls:
    """All calls, and those that are known."""

    def __init__(self, usage):
        self.all = [Call(said, number) for number, said in enumerate(usage)]
        self.known, self.changed = [], {}

    def known_of(self, customer, did):
        """The calls that count for a customer, or for a DID of theirs."""
        return [call for call in self.known if call.customer == customer and (did is None or call.names(did))]

    def changed_of(self, customer, today):
        """The days of a customer whose spend was another on a day than on the day before."""
        return {day for whose, day in self.changed[today] if whose == customer}

    def know(self, today, bundles):
        """Learn the calls that came in today, and cover all that are known."""
        before = {id(call): call.spend for call in self.known}
        self.known = sorted((c for c in self.all if c.came_in_on <= today), key=lambda call: call.order)
        self.cover(today, bundles)
        self.changed[today] = {
            (call.customer, call.day) for call in self.known if before.get(id(call)) != call.spend
        }

    def cover(self, today, bundles):
        """Let the calls take from the minutes that are open today."""
        minutes = [allowance for bundle in bundles for allowance in allowances(bundle, today)]
        closed = {a["key"] for a in minutes if a["until"] != FAR and today - a["until"] > 90 * ONE_DAY}
        minutes = sorted((a for a in minutes if a["key"] not in closed), key=lambda a: a["order"])
        for call in self.known:
            call.covered = {key: taken for key, taken in call.covered.items() if key in closed}
            if not (call.seconds and call.amount):
                continue
            for a in minutes:
                taken = sum(seconds for seconds, _ in call.covered.values())
                seconds = min(a["left"], call.seconds - taken)
                if seconds and a["from"] <= call.day < a["until"] and a["is_for"](call):
                    paid = sum(amount for _, amount in call.covered.values())
                    should = to_a_millionth(call.amount * (taken + seconds) / call.seconds)
                    a["left"] -= seconds
                    call.covered[a["key"]] = (seconds, should - paid)


def allowances(bundle, today):
    """The minutes that a bundle has brought by today, in each of its periods."""
    from tests.oracle import known_end

    assignment, end = bundle.assignment, known_end(bundle.assignment, today)
    periods = bundle.periods
    if bundle.schedule is None and today >= bundle.begin:
        periods = [
            {"from": bundle.begin, "next": FAR, "whole": None, "quantity": bundle.quantity(bundle.begin)}
        ]
    for period in periods:
        until = min(period["next"], end + ONE_DAY) if end else period["next"]
        if until <= period["from"]:
            continue
        seconds = Fraction(assignment["minutes"] * 60 * period["quantity"])
        if period["whole"]:
            counted = until if bundle.by_days else period["next"]
            seconds = seconds * (counted - period["from"]).days / period["whole"]
        yield {
            "key": (bundle.index, period["from"]),
            "from": period["from"],
            "until": until,
            "left": int(seconds),
            "order": (assignment["did"] is None, until, bundle.index),
            "is_for": lambda call, b=bundle: is_for(b, call),
        }


def is_for(bundle, call):
    """Whether a call is one of the bundle's customer or DID, to a number that it is for."""
    did = bundle.assignment["did"]
    return (
        call.customer == bundle.customer["key"]
        and (did is None or call.names(did))
        and bool(re.search(bundle.package["destination"], call.destination))
    )


def to_a_millionth(amount):
    """Rounded half up to a millionth; amounts are never below zero."""
    return Fraction(int(amount * 10**6 + Fraction(1, 2)), 10**6)
