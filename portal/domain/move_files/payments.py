"""Files of payments: what their columns say.

Headings are those of our own exports, and of transactions of WHMCS and payments of Stripe.
"""

from portal.domain.csv_files.cells import Bad, short
from portal.domain.move_files.columns import (
    Column,
    Columns,
    Ways,
    currency,
    day_column,
    lines,
    number_column,
    one_of,
)
from portal.domain.names import search_key
from portal.domain.payments import PaymentMethod, PaymentState

METHOD = one_of(
    {
        PaymentMethod.BANK_TRANSFER: (
            "Bank transfer", "banktransfer", "transfer", "bank", "wire", "bacs", "faster payment", "sepa", "mailin",
        ),
        PaymentMethod.CARD: ("Card", "credit card", "debit card", "stripe", "visa", "mastercard", "amex"),
        PaymentMethod.DIRECT_DEBIT: ("Direct debit", "directdebit", "sepa debit", "gocardless", "lastschrift"),
        PaymentMethod.CASH: ("Cash",),
        PaymentMethod.CHEQUE: ("Cheque", "check"),
        PaymentMethod.OTHER: ("Other", "paypal"),
    }
)  # fmt: skip

# Stripe says "Paid" of what has arrived.
_STATE = one_of(
    {
        PaymentState.COMPLETED: (
            "Completed",
            "paid",
            "succeeded",
            "success",
            "complete",
            "cleared",
            "received",
        ),
        PaymentState.PENDING: ("Pending", "processing", "announced", "open"),
    }
)
GONE = ("cancelled", "canceled", "failed", "refunded", "returned", "void", "reversed")


def state(what: str, cell: str, ways: Ways) -> PaymentState:
    """Whether it has arrived."""
    if search_key(cell) in GONE:
        raise Bad(f"{what} is {short(cell)}: nothing came of it. Leave the line out.")
    found: PaymentState = _STATE(what, cell, ways)
    return found


COLUMNS: Columns = (
    Column("customer", "Customer", "By name, account code or number, such as #7.", sample="Acme Ltd",
           names=("customername", "clientname", "client", "companyname", "company", "customerdescription", "payer",
                  "kunde")),
    Column("account_code", "Account Code", "Of the customer. Without one, the name says who it is.", sample="ACME-1",
           names=("accountcode", "customerid", "clientid", "userid", "accountnumber", "customercode", "account",
                  "kundennummer")),
    day_column("paid_on", "Date", "On which the money came.", sample="2026-11-12",
               names=("paidon", "paymentdate", "valuedate", "bookingdate", "createdutc", "createddateutc", "created",
                      "day", "datum")),
    number_column("amount", "Amount", "What was paid.", is_needed=True, sample="120.00",
                  names=("amountin", "paid", "paymentamount", "convertedamount", "betrag")),
    Column("currency", "Currency", "Checked: it must be the customer's.", currency, names=("currencycode",)),
    Column("method", "Method", "Without one, by bank transfer.", METHOD, is_asked=True, sample="Bank transfer",
           names=("paymentmethod", "gateway", "paymenttype")),
    Column("bank_reference", "Bank Reference", "Of the transaction: a payment is known by method and reference.",
           sample="FT26316-77",
           names=("transactionid", "transid", "transaction", "endtoendid", "bankreference", "id", "reference")),
    Column("account", "Bank Account", "On which it came; without a reference it helps to know a payment by.",
           names=("ouraccount", "bankaccount")),
    Column("state", "State", "Completed, or pending. Without one, completed.", state, is_asked=True,
           sample="Completed", names=("status", "paymentstatus")),
    number_column("fee", "Fee", "What the bank or the card company kept; for reference.", sample="0",
                  names=("fees", "convertedfee", "processingfee")),
    Column("part_of", "Part Of", "Of our own exports: a part of a payment that was split is not brought in by itself."),
    Column("description", "Description", "What the customer reads; staff alone what stands behind #.", lines,
           names=("details", "text", "memo", "notes", "verwendungszweck")),
)  # fmt: skip
