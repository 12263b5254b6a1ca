"""Pairs of acts that meet on each kind of row: those that the suite holds apart, in each order."""

IMPORTS = {"calls.create", "calls.keep_columns", "calls.resume", "calls.stop", "import calls"}
OWNERS = {"people.deactivate", "people.update_row"}
INVITING = {"invitations.accept", "people.resend", "people.withdraw"}
INVITING_OWN = {"my.people_resend", "my.people_withdraw"}
# Routes and commands whose acts may end otherwise than one after the other, and yet well, and why: only the rules of
# tests/race_invariants.py, and that nothing breaks, is asked of them. (None: with whatever they meet.)
LOOSE: tuple[tuple[set[str], set[str] | None, str], ...] = (
    (
        {"runs.post"},
        None,
        "what has changed since a simulation is looked at first, and a run is many transactions",
    ),
    (IMPORTS, IMPORTS, "an import is many transactions: between two of them it goes on, stops or is done"),
    (IMPORTS, {"customers.archive"}, "an import works out what calls cost once they are in"),
    (IMPORTS, {"customers.update_row"}, "an import knows customers by the names they have when it begins"),
    (
        {"runs.undo"},
        {"runs.undo"},
        "undoing a run is many transactions: in its midst a second one is refused",
    ),
    ({"did_intake.create"}, {"did_intake.create"}, "what is there meanwhile is shown once more"),
    (OWNERS, OWNERS, "who was let in is let in until the request is over"),
    (INVITING_OWN, INVITING | INVITING_OWN, "what is over is not found under /my, and refused elsewhere"),
)


def is_loose(one: str, other: str) -> bool:
    """Whether two acts, named by route or command, may end otherwise than one after the other."""
    return any(
        (one in these and (those is None or other in those))
        or (other in these and (those is None or one in those))
        for these, those, _ in LOOSE
    )


# For each kind of row the pairs of tests/race_acts.py that meet on it, those first without whose lock they go wrong.
MEETINGS: dict[str, list[tuple[str, str]]] = {
    "company": [
        ("undo the run", "undo the run"),
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
        ("undo the run", "reverse the charge"),
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
        ("complete Delta's payment", "archive Delta"),
        ("release the payment", "allocate the rest"),
        ("allocate the rest", "allocate less"),
        ("split the payment", "allocate the rest"),
        ("split the payment", "split the payment for Fresh"),
        ("pay back", "split the payment for Fresh"),
        ("pay back", "pay the rest back"),
        ("pay the rest back", "pay from the balance"),
        ("pay back", "cancel the payment"),
        ("cancel the payment back", "split the payment"),
        ("release the payment", "cancel the payment"),
        ("write off the charge", "allocate the rest"),
        ("pay from the balance", "allocate the rest"),
        ("pay from the balance", "write off the charge"),
        ("use the credit", "use all the credit"),
        ("use all the credit", "write off the visit"),
        ("end the later assignment", "delete the later assignment"),
        ("end many", "delete the later assignment"),
        ("end many", "remove many"),
        ("undo giving the later ones", "delete the later assignment"),
        ("undo giving the later ones", "undo giving the later ones"),
        ("invite somebody of Fresh", "archive Fresh"),
        ("send the invitation again", "send the invitation again"),
        ("withdraw the invitation", "accept the invitation"),
        ("mail about the correction", "mail about the correction"),
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
        ("the night's run", "an own price for it"),
        ("the night's run", "own prices of many"),
        ("the night's run", "post all that is held"),
        ("the night's run", "the night's run"),
        ("undo the run", "the night's run"),
        ("the night's run", "post the simulation"),
        ("the night's run", "reverse the charge"),
        ("the first run", "a tax rate that always held"),
        ("the first run", "a price that always held"),
        ("the first run", "another start"),
        ("the night's run", "wait longer for calls"),
        ("the morning's notices", "delete the later assignment"),
        ("the night's run", "correct Seat"),
        ("correct Seat", "correct Acme's seat"),
        ("the night's run", "correct Acme's tax rate"),
    ],
    "charge": [
        ("the night's run", "allocate the rest"),
        ("the night's run", "release the payment"),
        ("the night's run", "release the allocation"),
        ("the night's run", "write off the charge"),
        ("the night's run", "reverse two charges"),
        ("reverse two charges", "reverse the charge"),
        ("reverse two charges", "write off the visit"),
        ("reverse two charges", "use the credit"),
        ("the night's run", "pay from the balance"),
        ("correct Seat", "allocate the rest"),
        ("correct Acme's seat", "pay from the balance"),
        ("correct Acme's tax rate", "allocate the rest"),
    ],
    "import": [
        ("stop the import", "the calls that came in"),
        ("take up the import", "the night's calls"),
        ("map the columns", "map the columns"),
        ("map the columns", "a month's end for files that wait"),
        ("take up the import", "a month's end for files that wait"),
    ],
}
