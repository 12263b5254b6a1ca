"""Commands whose customer is an empty text (a script's variable that was never set)."""

from tests.test_charge_command import counted, portal, trade  # noqa: F401


def test_a_charge_for_a_customer_who_is_not_named_charges_nobody(portal, app, trade):  # noqa: F811
    portal("charge", "--customer", "", status=1)
    assert counted(app) == 0


def test_a_charge_for_a_customer_of_spaces_charges_nobody(portal, app, trade):  # noqa: F811
    portal("charge", "--customer", " ", status=1)
    assert counted(app) == 0


def test_a_summary_of_nobody_is_refused(portal, app, trade, tmp_path):  # noqa: F811
    portal("summary", "", "2026-11-01", "2026-11-30", "--into", str(tmp_path), status=1)
