"""What kind a line is, by the codes and the words that banks write."""

import re
from decimal import Decimal

from portal.domain.bank_files.statement import Kind
from portal.domain.names import search_key

# German business transaction codes (GVC): what came back, what is a fee, what was collected.
RETURN_CODES = frozenset({"108", "109", "112", "159", "184", "185"})
FEE_CODES = frozenset({"805", "806", "807", "808", "809"})
COLLECTED_CODES = frozenset({"107", "171", "174", "192", "194", "195", "196"})
# SWIFT's codes of an MT940 line, without the N or F in front.
SWIFT_RETURNS, SWIFT_FEES, SWIFT_COLLECTED = frozenset({"RTI"}), frozenset({"CHG", "COM"}), frozenset({"DDT"})
RETURNED = re.compile(
    r"\b(?:returned|unpaid|retoure|rucklastschrift|ruecklastschrift|lastschriftruckgabe|lastschriftrueckgabe"
    r"|ruckruf|charge ?back|direct debit return|return(?:ed)? (?:direct debit|dd|item|ach|payment)|ach return"
    r"|dd return|impaye|impayado|insoluto|storno)\b"
)
FEES = re.compile(
    r"\b(?:fees?|bank charges?|charges|service charge|account fee|entgelt\w*|kontofuhrung\w*|gebuhr\w*"
    r"|gebuehr\w*|abschluss|rechnungsabschluss|frais|commissions?|comision|bankkosten|kosten)\b"
)
COLLECTED = re.compile(r"\b(?:direct debit|lastschrift\w*|sepa dd|dd collection|incasso|prelevement)\b")
# Who collects for others and pays out what was collected.
SERVICES = ("stripe", "gocardless", "paypal", "sumup", "adyen", "mollie", "worldpay")
SERVICE = re.compile(rf"\b(?:{'|'.join(SERVICES)})\b")


def kind_of(amount: Decimal, said: str, name: str = "", code: str = "") -> Kind:
    """What a line is. `said` is what the bank calls it (never what a person wrote), `code` its GVC or SWIFT's."""
    plain = search_key(said)
    if amount < 0:
        if code in RETURN_CODES | SWIFT_RETURNS or RETURNED.search(plain):
            return Kind.RETURN
        return Kind.FEE if code in FEE_CODES | SWIFT_FEES or FEES.search(plain) else Kind.OUT
    return Kind.PAYOUT if service_of(name) else Kind.IN


def method_of(said: str, code: str = "") -> str:
    """How money came, as payments say it."""
    plain = search_key(said)
    if code in COLLECTED_CODES | RETURN_CODES | SWIFT_COLLECTED | SWIFT_RETURNS or COLLECTED.search(plain):
        return "direct_debit"
    if re.search(r"\b(?:cheque|check|scheck\w*)\b", plain) or code == "CHK":
        return "cheque"
    return "cash" if re.search(r"\b(?:cash|bareinzahlung|bargeld\w*)\b", plain) else "bank_transfer"


def service_of(name: str) -> str:
    """Which service has collected and paid out; empty where the other side is none."""
    found = SERVICE.search(search_key(name))
    return found[0].capitalize() if found else ""
