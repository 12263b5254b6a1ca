"""A layout of bank statements in CSV: which column says what, and how amounts are written (billing-rules 13)."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.domain.csv_files.heading import plain_name
from portal.domain.csv_files.layout import Described

# What a column can say, as people call it.
WORDS = {
    "booked_on": "Day",
    "amount": "Amount",
    "paid_in": "Paid in",
    "paid_out": "Paid out",
    "direction": "In or out",
    "balance": "Balance",
    "currency": "Currency",
    "name": "Name of the other side",
    "account": "Account of the other side",
    "email": "E-mail of the other side",
    "text": "Text",
    "type": "Kind of transaction",
    "original": "Amount of what came back",
    "bank_reference": "Bank reference",
    "reference": "Reference",
    "state": "State",
    "own_account": "Own account",
}
# The names of each column, at banks that speak English, German, Dutch, French or Spanish; the best known first.
# Compared without spaces, hyphens, points, slashes and underscores.
NAMES = {
    "booked_on": (
        "buchungstag", "buchungsdatum", "buchung", "bookingdate", "datebooked", "datecompleted(utc)", "completeddate",
        "posteddate", "postingdate", "transactiondate", "datumbuchung", "boekdatum", "dateoperation", "fechaoperacion",
        "datum", "date", "fecha", "day", "valuedate", "valutadatum", "wertstellung", "wertstellungsdatum", "valuta",
    ),
    "amount": (
        "betrag", "betrag(eur)", "betrag(€)", "betragineur", "umsatz", "umsatz(eur)", "amount", "amount(gbp)",
        "amount(eur)", "amount(usd)", "transactionamount", "value", "bedrag", "bedrag(eur)", "montant", "importe",
        "net",
    ),
    "paid_in": (
        "paidin", "moneyin", "credit", "creditamount", "haben", "gutschrift", "deposit", "deposits", "in", "bij",
        "received",
    ),
    "paid_out": (
        "paidout", "moneyout", "debit", "debitamount", "soll", "lastschrift", "withdrawal", "withdrawals", "out", "af",
        "spent",
    ),
    "direction": ("sollhaben", "s/h", "sh", "debitcredit", "drcr", "creditdebit", "creditdebitindicator", "afbij",
                  "habensoll"),
    "balance": ("saldonachbuchung", "saldo", "balance", "balance(gbp)", "runningbalance", "balanceafter", "kontostand",
                "saldonabuchung", "solde"),
    "currency": ("wahrung", "waehrung", "währung", "currency", "munt", "devise", "paymentcurrency", "moneda"),
    "name": (
        "beguenstigterzahlungspflichtiger", "begünstigterzahlungspflichtiger", "namezahlungsbeteiligter",
        "auftraggeberempfänger", "auftraggeberbegünstigter", "empfängerzahlungspflichtiger", "zahlungspflichtige*r",
        "zahlungspflichtiger", "auftraggeber", "counterparty", "counterpartyname", "counterpartname", "payername",
        "payer", "payee", "name", "naamtegenpartij", "naammededelingen", "partner", "from",
    ),
    "account": (
        "kontonummeriban", "ibanzahlungsbeteiligter", "kontonummer", "iban", "ibanauftraggeberbegünstigter",
        "counterpartyiban", "counterpartyaccount", "counteraccount", "payeraccount", "payeraccountnumber",
        "tegenrekening",
    ),
    "email": ("email", "customeremail", "payeremail", "fromemailaddress"),
    "text": (
        "verwendungszweck", "transactiondescription", "description", "narrative", "memo", "details", "omschrijving",
        "mededelingen", "libelle", "concepto", "paymentreference", "reference", "text", "notes",
    ),
    "type": ("buchungstext", "vorgangverwendungszweck", "umsatztyp", "transactiontype", "type", "mutatiesoort", "code",
             "subcategory"),
    "original": ("lastschriftursprungsbetrag", "originalamount"),
    "bank_reference": ("transactionid", "transferwiseid", "id", "bankreference", "transactionreference",
                       "banktransactionid", "kundenreferenz(bank)"),
    "reference": (
        "kundenreferenz(endtoend)", "kundenreferenz", "endtoendid", "reference", "paymentreference",
        "mandatsreferenz",
    ),
    "state": ("status", "state", "info"),
    "own_account": ("auftragskonto", "ibanauftragskonto", "account", "accountnumber", "rekening", "ownaccount"),
}  # fmt: skip
# Values of a state: not booked yet, or never.
NOT_BOOKED = (
    "vorgemerkt",
    "umsatz vorgemerkt",
    "pending",
    "reverted",
    "declined",
    "failed",
    "cancelled",
    "storniert",
)


@dataclass(frozen=True, slots=True)
class BankLayout(Described):
    """The columns of a bank's CSV, the sign before decimals, and the currency of a file that does not say it."""

    decimal: str = ""
    currency_of_all: str = ""


def recognise(head: Sequence[str]) -> dict[str, list[int]]:
    """The columns that each name may be, the best known first."""
    plain = [plain_name(cell) for cell in head]
    found = {}
    for column, names in NAMES.items():
        places = [place for name in names for place, one in enumerate(plain) if one == plain_name(name)]
        if places:
            found[column] = list(dict.fromkeys(places))
    return found


def names_lines(row: Sequence[str]) -> bool:
    """Whether a line names the columns that a statement has: a day, and an amount or what was paid in."""
    found = recognise(row)
    return "booked_on" in found and ("amount" in found or "paid_in" in found)
