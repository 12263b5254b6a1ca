"""An address is kept as it was typed, and travels as every mail server reads it."""

import pytest

from portal.domain.email_address import check_email, on_the_way, sign_in_address
from portal.domain.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "travels"),
    [
        ("billing@example.com", "billing@example.com"),
        ("Billing@Example.COM", "Billing@example.com"),
        ("billing@käse.example", "billing@xn--kse-qla.example"),
        ("billing@xn--kse-qla.example", "billing@xn--kse-qla.example"),
        ("billing@例え.テスト", "billing@xn--r8jz45g.xn--zckzah"),
        ("jörg@faß.example", "jörg@xn--fa-hia.example"),
    ],
)
def test_an_address_is_kept_as_typed_and_its_domain_travels_in_ascii(typed, travels):
    assert check_email(f" {typed}\t") == typed
    assert on_the_way(typed).addr_spec == travels


@pytest.mark.parametrize(
    "typed",
    [
        "no address",
        "a@b@example.com",
        "=?utf-8?q?ann?=@example.com",
        "=?utf-8?q?ann=40example.com?=@example.com",
        "ann=?@example.com",
        "ann@☕.example",
        "ann\n@example.com",
        "Ann <ann@example.com>",
        f"{'ä' * 300}@example.com",
    ],
)
def test_what_is_no_address_is_refused_wherever_it_is_typed(typed):
    for reads in (check_email, sign_in_address, on_the_way):
        with pytest.raises(Invalid, match="is not an e-mail address"):
            reads(typed)


def test_people_are_told_apart_by_one_spelling():
    assert (
        sign_in_address("Ann@xn--kse-qla.example")
        == sign_in_address(" ann@KÄSE.example ")
        == "ann@käse.example"
    )


def test_a_name_beside_an_address_is_read_as_it_was_written():
    address = on_the_way("ann@example.com", "Käse,\r\n =?utf-8?q?x?= & Söhne")
    assert address.display_name == "Käse, = ?utf-8?q?x?= & Söhne"
