"""Contact people: whom the provider writes to and calls at a customer."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from portal.domain.email_address import check_email
from portal.domain.errors import Invalid
from portal.domain.names import written
from portal.domain.party import check_phone
from portal.domain.wording import whole
from portal.models import Contact, Customer

CONTACTS_MAX = 50
FIELD = "contacts"
NAME_MAX, ROLE_MAX = 120, 120
NO_NAME = "Enter the name of this contact."


@dataclass(frozen=True, slots=True)
class ContactFields:
    """Somebody at a customer: their name, what they are there, how they are reached."""

    name: str
    role: str = ""
    email: str = ""
    phone: str = ""


def checked(contact: ContactFields, country: str) -> ContactFields:
    """A contact as it is kept, a phone number read as within `country`. Invalid names the field that cannot be."""
    kept = replace(contact, name=written(contact.name), role=written(contact.role))
    if not kept.name:
        raise Invalid("name", NO_NAME)
    for field, text, most in (("name", kept.name, NAME_MAX), ("role", kept.role, ROLE_MAX)):
        if len(text) > most:
            raise Invalid(field, f"Too long: {most} characters at most.")
    return replace(kept, email=check_email(kept.email), phone=check_phone(kept.phone.strip(), country))


def contacts_of(customer: Customer) -> tuple[ContactFields, ...]:
    """A customer's contacts, in their order."""
    return tuple(ContactFields(row.name, row.role, row.email, row.phone) for row in customer.contacts)


def all_checked(contacts: Sequence[ContactFields], country: str) -> tuple[ContactFields, ...]:
    """Contacts as they are kept. Invalid says which of them cannot be."""
    if len(contacts) > CONTACTS_MAX:
        raise Invalid(
            FIELD, f"Enter {whole(CONTACTS_MAX)} contacts at most; these are {whole(len(contacts))}."
        )
    return tuple(_checked(number, contact, country) for number, contact in enumerate(contacts, 1))


def put(customer: Customer, wanted: Sequence[ContactFields]) -> None:
    """Let these, which were checked, be a customer's contacts, and no others."""
    rows = list(customer.contacts)
    for row in rows[len(wanted) :]:
        customer.contacts.remove(row)
    for row, contact in zip(rows, wanted, strict=False):
        row.name, row.role, row.email, row.phone = astuple(contact)
    for contact in wanted[len(rows) :]:
        name, role, email, phone = astuple(contact)
        customer.contacts.append(Contact(name=name, role=role, email=email, phone=phone))


def _checked(number: int, contact: ContactFields, country: str) -> ContactFields:
    try:
        return checked(contact, country)
    except Invalid as error:
        raise Invalid(FIELD, f"Contact {number}: {error.sentence}") from None
