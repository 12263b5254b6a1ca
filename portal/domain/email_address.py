"""E-mail addresses: kept as they were typed, and written on the way as every mail server reads them.

A domain beyond ASCII travels in the letters of DNS: `xn--kse-qla.example` for `käse.example`. What stands before the @
has no such other spelling: only a server that offers SMTPUTF8 takes it.
"""

from email.headerregistry import Address

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from portal.domain.errors import Invalid

# How a header begins a word in another alphabet (RFC 2047): a program that reads the address would read other letters.
ENCODED_WORD = "=?"


def check_email(text: str) -> str:
    """An address as it is kept: as typed, without white space around it; empty is none. Invalid if it is no address."""
    text = text.strip()
    if text:
        _read(text)
    return text


def sign_in_address(text: str) -> str:
    """An address as people are told apart by it: in one spelling, in small letters. Invalid where it is none."""
    return _read(text.strip()).normalized.lower()


def on_the_way(text: str, name: str = "") -> Address:
    """The address, with whose it is, as a message carries it. Invalid where it is none."""
    read = _read(text.strip())
    return Address(harmless(name), read.local_part, read.ascii_domain)


def harmless(words: str) -> str:
    """Words of a header in one line, that nobody reads as an encoded word."""
    return " ".join(words.split()).replace(ENCODED_WORD, "= ?")


def _read(text: str) -> ValidatedEmail:
    try:
        read = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        raise _none(text) from None
    if ENCODED_WORD in text:
        raise _none(text)
    return read


def _none(text: str) -> Invalid:
    return Invalid("email", f"{text} is not an e-mail address. Enter one such as billing@example.com.")
