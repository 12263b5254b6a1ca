"""Pairs of acts that meet on each kind of row: those that the suite holds apart, in each order."""

# Pairs that may end otherwise than one after the other, and yet well: only tests/race_invariants.py is asked of them.
LOOSE: dict[frozenset[str], str] = {
    frozenset(pair): why
    for *pair, why in (
        ("make Otto a clerk", "shut Olivia out", "who was let in is let in until the request is over"),
        ("shut Otto out", "shut Olivia out", "who was let in is let in until the request is over"),
        (
            "stop the import",
            "the calls that came in",
            "an import is many transactions, and stops between two",
        ),
        ("take up the import", "the night's calls", "an import is many transactions: it goes on, or is done"),
        ("take up Fresh's import", "archive Fresh", "an import works out what calls cost once they are in"),
        (
            "the night's run",
            "post the simulation",
            "a run is many transactions, and what is due is looked at before",
        ),
    )
}

# For each kind of row the pairs of tests/race_acts.py that meet on it, those first without whose lock they go wrong.
MEETINGS: dict[str, list[tuple[str, str]]] = {
    "company": [
        ("move the time zone", "charge Fresh first"),
        ("move the time zone", "the first run"),
        ("move the time zone", "the first calls"),
        ("invite Zoe", "invite Zoe"),
        ("withdraw the staff invitation", "accept the staff invitation"),
    ],
    "did": [
        ("assign Line to the DID", "release the DID"),
        ("assign Line to many DIDs", "release many DIDs"),
        ("give the stock DID to Fresh", "give the stock DID to Globex"),
        ("give many DIDs to Fresh", "delete the stock DID"),
        ("add a DID for Fresh with Line", "restore the archived DID"),
    ],
    "customer": [
        ("assign Line to Fresh", "change Fresh's currency"),
        ("assign Line to Fresh", "assign Line to Fresh, by another clerk"),
        ("assign Line to Fresh", "archive Fresh"),
        ("assign Line to many", "archive Fresh"),
        ("assign Line to many", "assign Line to Fresh"),
        ("add a DID for Fresh with Line", "archive Fresh"),
        ("give the stock DID to Fresh", "archive Fresh"),
        ("charge Fresh", "archive Fresh"),
        ("charge Fresh", "change Fresh's currency"),
        ("charge Fresh", "change Fresh's tax rate"),
        ("adjust Fresh's balance", "archive Fresh"),
        ("adjust Fresh's balance", "change Fresh's currency"),
        ("record a payment of Fresh", "archive Fresh"),
        ("take up Fresh's import", "archive Fresh"),
        ("rename Fresh", "change Fresh's currency"),
        ("complete the payment", "cancel the pending payment"),
        ("release the payment", "allocate the rest"),
        ("allocate once", "allocate once"),
        ("release the payment", "cancel the payment"),
        ("end the later assignment", "delete the later assignment"),
        ("end many", "delete the later assignment"),
        ("invite somebody of Fresh", "archive Fresh"),
        ("send the invitation again", "send the invitation again"),
        ("withdraw the invitation", "accept the invitation"),
    ],
    "package": [
        ("assign Spare to Fresh", "drop Spare's GBP"),
        ("assign Spare to Fresh", "archive Spare"),
        ("assign Spare to Fresh", "delete Spare"),
        ("assign Spare to Fresh", "make Spare dearer"),
        ("archive Spare", "delete Spare"),
        ("make Spare dearer", "drop Spare's GBP"),
        ("archive many packages", "delete Spare"),
    ],
    "connexcs": [
        ("add a package on Fax", "delete Fax"),
        ("put Spare on Fax", "delete Fax"),
        ("rename Fax", "delete Fax"),
    ],
    "person": [
        ("make Otto a clerk", "shut Olivia out"),
        ("shut Otto out", "shut Olivia out"),
    ],
    "position": [
        ("the night's run", "delete today's assignment"),
        ("the night's run", "change the quantity"),
        ("the night's run", "end the assignment"),
        ("the night's run", "post all that is held"),
        ("the night's run", "the night's run"),
        ("the night's run", "post the simulation"),
        ("the night's run", "reverse the charge"),
        ("the first run", "a tax rate that always held"),
        ("the first run", "a price that always held"),
        ("the first run", "another start"),
        ("the night's run", "wait longer for calls"),
        ("the morning's notices", "delete the later assignment"),
    ],
    "charge": [
        ("the night's run", "allocate the rest"),
        ("the night's run", "release the payment"),
        ("the night's run", "lift the allocation"),
    ],
    "import": [
        ("stop the import", "the calls that came in"),
        ("take up the import", "the night's calls"),
        ("map the columns", "map the columns"),
    ],
}
