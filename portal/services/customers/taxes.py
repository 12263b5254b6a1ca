"""Which tax category a charge is in (billing-rules 18)."""

from portal.domain.tax import Tax
from portal.models import Charge
from portal.services.billing.loading import taxed_day


def tax_of(charge: Charge) -> Tax:
    """The tax of a charge as its customer's history has it now, on the day whose rate the charge bears.

    What corrects, reverses or writes off a charge has that charge's.
    """
    while other := charge.corrects or charge.reverses or charge.writes_off:
        charge = other
    return charge.customer.tax_on(taxed_day(charge))
