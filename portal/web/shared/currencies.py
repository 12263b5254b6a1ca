"""The currencies that a page about one of them lets choose from."""

from portal.services.customers.customers import currencies_in_use
from portal.services.packages.catalogue import default_currency


def to_choose_from() -> list[str]:
    """Those that customers are charged in, the portal's own first."""
    own = default_currency()
    return sorted(currencies_in_use() or [own], key=lambda code: (code != own, code))
