"""VAT IDs and registration numbers: what is mistyped is seen, and what is right is kept in one form."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.addresses import countries
from portal.domain.errors import Invalid
from portal.domain.party import (
    REGISTERED,
    Party,
    check_registration_number,
    check_vat_id,
    checked,
    has_vat_id,
    registration_name,
    vat_id_name,
)

KEPT = [
    ("GB", "GB 980 7806 84", "GB980780684"),
    ("GB", "980780684", "GB980780684"),
    ("GB", "XI 980780684", "XI980780684"),
    ("DE", "136 695 976", "DE136695976"),
    ("GR", "094259216", "EL094259216"),
    ("GR", "GR094259216", "EL094259216"),
    ("FR", "FR 40 303 265 045", "FR40303265045"),
    ("NL", "nl 004495445b01", "NL004495445B01"),
    ("CH", "CHE-107.787.577", "CHE107787577MWST"),
    ("CH", "CHE-107.787.577 IVA", "CHE107787577IVA"),
    ("NO", "995 525 828", "NO995525828MVA"),
    ("NO", "NO 995 525 828 MVA", "NO995525828MVA"),
    ("AU", "83 914 571 673", "83914571673"),
    # Registered in another country of Europe, in one without a rule, in none that was chosen.
    ("DE", "FR40303265045", "FR40303265045"),
    ("US", "DE136695976", "DE136695976"),
    ("US", "12-3456789", "12-3456789"),
    ("", "IE6433435F", "IE6433435F"),
    ("KW", " 12  34 ", "12 34"),
    ("DE", "  ", ""),
]


@pytest.mark.parametrize(("country", "typed", "kept"), KEPT)
def test_a_vat_id_is_kept_in_one_form(country, typed, kept):
    assert check_vat_id(typed, country) == kept
    assert check_vat_id(kept, country) == kept


@pytest.mark.parametrize(
    ("country", "typed", "says"),
    [
        ("GB", "980780685", "This VAT ID is mistyped: its check digit is wrong"),
        ("DE", "DE136695978", "check digit"),
        ("AU", "83 914 571 674", "check digit"),
        ("US", "DE136695978", "check digit"),
        ("", "DE136695978", "check digit"),
        ("DE", "x", "no VAT ID (Germany: USt-IdNr.)"),
        ("AU", "1", "no VAT ID (Australia: ABN)."),
    ],
)
def test_a_vat_id_that_is_mistyped_is_refused_with_what_is_wrong(country, typed, says):
    with pytest.raises(Invalid) as refused:
        check_vat_id(typed, country)
    assert refused.value.field == "vat_id" and says in refused.value.sentence


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("FR", "732 829 320", "732829320"),
        ("FR", "RCS Paris 732 829 320", "RCS Paris 732 829 320"),
        ("CH", "CHE-107.787.577", "CHE107787577"),
        ("NO", "988 077 917", "988077917"),
        ("GB", "01234567", "01234567"),
        ("DE", "HRB 4711", "HRB 4711"),
        ("", "4711", "4711"),
    ],
)
def test_a_registration_number_is_kept_in_one_form_where_its_country_has_a_rule(country, typed, kept):
    assert check_registration_number(typed, country) == kept


@pytest.mark.parametrize(
    ("country", "typed", "says"),
    [("FR", "732829321", "check digit"), ("FR", "1", "no registration number (France: SIREN)")],
)
def test_a_registration_number_that_is_mistyped_is_refused(country, typed, says):
    with pytest.raises(Invalid) as refused:
        check_registration_number(typed, country)
    assert refused.value.field == "registration_number" and says in refused.value.sentence


@given(
    st.sampled_from(["", *countries()]),
    st.text(max_size=20) | st.from_regex(r"[A-Z]{2}[0-9]{5,12}", fullmatch=True),
)
def test_whatever_is_typed_is_kept_for_good_or_refused_in_a_sentence(country, text):
    """What is kept is kept as it is when it is saved again."""
    with suppress(Invalid):
        kept = checked(Party(country=country, vat_id=text, registration_number=text))
        assert checked(kept) == kept


@pytest.mark.parametrize("country", countries())
def test_every_country_has_names_for_its_numbers_or_none(country):
    assert has_vat_id(country) or not vat_id_name(country)
    assert not vat_id_name(country).startswith("VAT")
    assert bool(registration_name(country)) == (country in REGISTERED)
