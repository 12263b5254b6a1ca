"""How a customer pays: the account, their reference, and a QR code that a bank's app reads."""

from dataclasses import dataclass
from functools import lru_cache

import qrcode
from qrcode.constants import ERROR_CORRECT_M

from portal.domain.check_digits import in_fours
from portal.domain.epc import epc_text
from portal.domain.payment_reference import payment_reference
from portal.models import Customer
from portal.models.company import company
from portal.services.credit import ToPay

# Light around the code, without which it is not found: four of its squares.
QUIET = 4


@dataclass(frozen=True, slots=True)
class QrCode:
    """A QR code as one path in a square of `size`."""

    path: str
    size: int

    @property
    def svg(self) -> str:
        """As a picture of its own, on white."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.size} {self.size}">'
            f'<rect width="{self.size}" height="{self.size}" fill="#fff"/><path d="{self.path}"/></svg>'
        )


@dataclass(frozen=True, slots=True)
class HowToPay:
    """Where to pay to, as it is written for people; empty where the settings do not say. `qr` is for a bank's app."""

    account_name: str
    iban: str
    bic: str
    bank_details: list[str]
    reference: str
    qr: QrCode | None

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What to enter in a transfer, each with its name."""
        fields = (
            ("Account name", self.account_name),
            ("IBAN", self.iban),
            ("BIC", self.bic),
            ("Payment reference", self.reference),
        )
        return [(name, value) for name, value in fields if value]


def how_to_pay(customer: Customer, to_pay: ToPay) -> HowToPay:
    """How a customer pays what there is to pay today. The code is for euro, to an IBAN: no other app reads one."""
    provider, reference = company(), payment_reference(customer.id)
    text = ""
    if customer.currency == "EUR":
        text = epc_text(provider.account_name, provider.iban, provider.bic, to_pay.total, reference)
    return HowToPay(
        provider.account_name,
        in_fours(provider.iban),
        provider.bic,
        [line for line in provider.bank_details.splitlines() if line.strip()],
        in_fours(reference),
        drawn(text) if text else None,
    )


@lru_cache(maxsize=256)
def drawn(text: str) -> QrCode:
    """A QR code of a text in UTF-8, that is still read where a part of it is hurt (level M, as EPC codes have it).
    Remembered: to draw it takes as long as the rest of a page."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET)
    code.add_data(text.encode(), optimize=0)
    rows = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return QrCode(path, len(rows))
