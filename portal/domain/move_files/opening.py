"""Files of opening items: what customers still have to pay in another system (billing-rules 13).

Headings are those of lists of open invoices, of WHMCS, QuickBooks and Xero.
"""

from portal.domain.move_files.columns import Column, Columns, currency, day_column, number_column

COLUMNS: Columns = (
    Column("customer", "Customer", "By name, account code or number, such as #7.", sample="Acme Ltd",
           names=("customername", "contactname", "clientname", "client", "companyname", "company", "name", "kunde")),
    Column("account_code", "Account Code", "Of the customer. Without one, the name says who it is.", sample="ACME-1",
           names=("accountcode", "customerid", "clientid", "userid", "accountnumber", "customercode", "account",
                  "kundennummer")),
    Column("number", "Number", "Of the paper there: the customer's item is known by it.", is_needed=True,
           sample="2026-0417",
           names=("invoicenumber", "invoiceno", "invoicenum", "invoice", "documentnumber", "docnumber", "num",
                  "invoiceid", "reference", "id", "belegnummer", "rechnungsnummer")),
    day_column("day", "Date", "The day of that paper.", sample="2026-10-31",
               names=("day", "invoicedate", "issuedate", "documentdate", "datecreated", "belegdatum",
                      "rechnungsdatum")),
    day_column("due_on", "Due Day", "Until when it is to be paid. Without one, Payment Days after its day.",
               sample="2026-11-14",
               names=("dueon", "duedate", "due", "paymentdue", "faelligkeit")),
    number_column("gross", "Gross", "What is still to be paid of it, tax included. Below zero: credit.",
                  sample="120.00",
                  names=("amountdue", "amountopen", "openamount", "openbalance", "balancedue", "balance",
                         "outstanding", "amountoutstanding", "remaining", "invoiceamountdue", "amount", "total")),
    Column("currency", "Currency", "Checked: it must be the customer's.", currency, names=("currencycode",)),
)  # fmt: skip
