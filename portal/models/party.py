"""The columns of a party: a customer, and the provider's own company."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.domain.addresses import Address
from portal.domain.party import Party


class PartyColumns:
    """Who somebody is by law, and where. Checked and kept as portal.domain.party says."""

    legal_name: Mapped[str] = mapped_column(String(250), default="", server_default="")
    street: Mapped[str] = mapped_column(Text, default="", server_default="")
    street_2: Mapped[str] = mapped_column(String(250), default="", server_default="")
    city: Mapped[str] = mapped_column(String(120), default="", server_default="")
    postcode: Mapped[str] = mapped_column(String(20), default="", server_default="")
    state: Mapped[str] = mapped_column(String(120), default="", server_default="")
    # ISO 3166-1, two letters.
    country: Mapped[str] = mapped_column(String(2), default="", server_default="")
    vat_id: Mapped[str] = mapped_column(String(40), default="", server_default="")
    registration_number: Mapped[str] = mapped_column(String(80), default="", server_default="")
    # E.164.
    phone: Mapped[str] = mapped_column(String(16), default="", server_default="")

    @property
    def party(self) -> Party:
        """All of it."""
        return Party(**{name: getattr(self, name) or "" for name in Party.__dataclass_fields__})

    @party.setter
    def party(self, party: Party) -> None:
        for name in Party.__dataclass_fields__:
            setattr(self, name, getattr(party, name))

    @property
    def address(self) -> Address:
        """Where they are."""
        return self.party.address
