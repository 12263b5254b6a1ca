"""An e-mail address, as far as a machine can tell."""

from email_validator import EmailNotValidError, validate_email

from portal.domain.errors import Invalid


def check_email(text: str) -> str:
    """An e-mail address as it is kept. Invalid where it is none."""
    try:
        return validate_email(text, check_deliverability=False).normalized if text else ""
    except EmailNotValidError:
        raise Invalid(
            "email", f"{text} is not an e-mail address. Enter one such as billing@example.com."
        ) from None
