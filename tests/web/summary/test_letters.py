"""Paper says every letter as it was typed, the way its script runs, or is refused; never another letter."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date
from decimal import Decimal
from functools import partial
from io import BytesIO

import pytest
from pypdf import PdfReader

from portal.config import ROOT
from portal.domain.errors import RuleBroken
from portal.models import Company
from portal.services.charges import by_hand
from portal.services.summary import fonts, paper, summary
from tests.pages import page, words
from tests.trade import BEN, NOW, TODAY, a_customer, a_did, a_package, assigned, run

SPAN = (date(2026, 11, 1), date(2026, 11, 30))
ASKED = "summary.pdf?from=2026-11-01&to=2026-11-30"
# A font with a few letters of Chinese, Japanese and Korean: the others would be some 20 MB.
MORE_FONTS = ROOT / "tests" / "data" / "fonts"
ARABIC, HEBREW, THAI, HINDI = "شركة الاتصالات", "חברת טלפון", "บริษัท โทรคมนาคม", "टेलीकॉम कंपनी"
JAPANESE, CHINESE, KOREAN = "株式会社テレコム", "中文电信有限公司", "한국통신"
OURS = {ARABIC: "Arabic", HEBREW: "Hebrew", THAI: "Thai", HINDI: "Devanagari"}
FROM_ELSEWHERE = (JAPANESE, CHINESE, KOREAN)


@pytest.fixture
def portals_fonts_only(monkeypatch):
    """As on a server that has none itself."""
    fonts.fonts.cache_clear()
    monkeypatch.setattr(fonts, "fonts", partial(fonts.fonts, system=False))


@pytest.fixture
def more_fonts(app, monkeypatch, portals_fonts_only):
    monkeypatch.setitem(app.config, "FONTS", MORE_FONTS)


def everything_called(session, name):
    """A customer of whom every text that a person types is this name."""
    customer = a_customer(name)
    customer.company_details, customer.street, customer.city = f"{name} 1", f"{name} 2", f"{name} 3"
    customer.registration_number = name
    company = session.get_one(Company, 1)
    company.name, company.street, company.vat_id, company.summary_footer = name, name, name, name
    assigned(a_package(name, "24.50", setup_retail="25"), customer, date(2026, 11, 1), quantity=2)
    assigned(a_package(f"{name} 4", "1.35", match=()), customer, date(2026, 11, 8), did=a_did(customer))
    run(TODAY)
    by_hand.charge_manually(
        by_hand.ManualCharge(customer, TODAY, Decimal(5), Decimal(1), name),
        token="t",
        today=TODAY,
        by=BEN,
        now=NOW,
    )
    session.commit()
    return customer


def made(session, customer):
    return PdfReader(BytesIO(paper.pdf(summary(customer, *SPAN, TODAY), session.get_one(Company, 1), TODAY)))


def text_of(reader):
    return "\n".join(sheet.extract_text() for sheet in reader.pages)


def drawn(reader):
    """The letters of each line as they stand on the paper, from left to right."""
    return reader.pages[0].extract_text(extraction_mode="layout").splitlines()


def fonts_of(reader):
    return {font["/BaseFont"].partition("+")[2] for font in reader.pages[0]["/Resources"]["/Font"].values()}


def languages(reader):
    """Those that it says its texts are in."""
    things = (
        reader.get_object(number) for number in range(1, len(reader.xref_objStm) + len(reader.xref[0]) + 1)
    )
    return {thing["/Lang"] for thing in things if isinstance(thing, dict) and "/Lang" in thing}


@pytest.mark.parametrize("name", [*OURS, *FROM_ELSEWHERE])
def test_every_text_on_it_has_its_letters(session, more_fonts, name):
    text = text_of(made(session, everything_called(session, name)))
    assert "?" not in text
    found, wanted = Counter(text), Counter(name.replace(" ", ""))
    # Both names, in full and in the foot; five lines of details; four charges; two packages; the tax id; the remark.
    assert all(found[letter] >= count * 15 for letter, count in wanted.items())


@pytest.mark.parametrize("name", OURS)
def test_the_portal_brings_the_font(session, portals_fonts_only, name):
    found = fonts_of(made(session, everything_called(session, name)))
    assert {f"NotoSans{OURS[name]}-Regular", f"NotoSans{OURS[name]}-Bold"} <= found


@pytest.mark.parametrize(
    "name",
    [
        "Łódź Çağrı Đặng Ő ẞ",
        "Ελλάδα Αθήνα",
        "Україна Ђорђевић Қазақ",
        "سرور می‌خواهم ٹیلی فون",
        "יידיש פֿאָר",
        "मराठी ॲप",
    ],
)
def test_the_languages_of_these_scripts_have_all_their_letters(session, portals_fonts_only, name):
    assert len(made(session, everything_called(session, name)).pages) == 1


def test_hebrew_runs_from_right_to_left_wherever_it_stands(session, portals_fonts_only):
    customer = everything_called(session, HEBREW)
    customer.street = f"{HEBREW}!"
    lines = drawn(made(session, customer))
    backwards = HEBREW[::-1]
    first = next(line for line in lines if backwards in line)
    assert first.split("  ")[0] == backwards and first.endswith(backwards)
    assert any(line.endswith(f" !{backwards}") for line in lines), "what ends the text stands at its left"
    heads = (line for line in lines if f"{backwards} 2 charges" in " ".join(line.split()))
    assert any(heads), "what the portal adds stays at its right"
    assert any(line.startswith(f"{backwards} · {backwards} ") for line in lines)
    assert not any(HEBREW in line for line in lines)


def test_arabic_runs_from_right_to_left_and_its_letters_join(session, portals_fonts_only):
    lines = drawn(made(session, everything_called(session, ARABIC)))
    first = ARABIC.split()[0]
    line = next(line for line in lines if first[::-1] in line)
    assert line.endswith(first[::-1]) and line.index(ARABIC[-1]) < line.index(first[::-1])
    assert first not in "".join(lines)
    assert any("لا" in line for line in lines), "lam and alef are one sign, which reads as both"


def test_a_mark_that_turns_the_text_turns_no_other(session, portals_fonts_only):
    customer = everything_called(session, "Evil\u202e Ltd")
    assert any("Setup × 2" in line for line in drawn(made(session, customer)))


def test_ideographs_have_the_shape_of_their_language(session, more_fonts):
    customer = everything_called(session, "直")
    assert languages(made(session, customer)) == {"en", "zh"}
    customer.street = "テレコム"
    assert languages(made(session, customer)) == {"en", "ja"}
    customer.street = KOREAN
    assert languages(made(session, customer)) == {"en", "ko"}


def test_a_mark_of_a_files_encoding_does_not_stand_in_the_way(session, portals_fonts_only):
    assert "Acme" in text_of(made(session, everything_called(session, "\ufeffAcme")))


@pytest.mark.parametrize("name", FROM_ELSEWHERE)
def test_letters_that_no_font_has_are_refused_by_name_with_the_font_to_install(
    client, session, app, portals_fonts_only, monkeypatch, name
):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    customer = everything_called(session, name)
    for address in (f"/customers/{customer.id}/{ASKED}", f"/customers/{customer.id}/as-customer/{ASKED}"):
        said = words(page(client.get(address), 409).select_one("main"))
        assert all(letter in said for letter in name)
        assert (
            "Install Noto Sans CJK on the server, or in the folder of PORTAL_FONTS, and start the portal again"
            in said
        )
    monkeypatch.setitem(app.config, "FONTS", MORE_FONTS)
    assert client.get(f"/customers/{customer.id}/{ASKED}").data.startswith(b"%PDF")


def test_a_refusal_names_a_font_for_each_script(session, portals_fonts_only):
    customer = everything_called(session, "汉 ক্ Հ ☃ 😀 \ue000 x")
    with pytest.raises(RuleBroken) as refused:
        made(session, customer)
    said = refused.value.sentence
    for words_ in (
        "Noto Sans CJK (for 汉)", "Noto Sans Bengali (for ক ◌্)", "Noto Sans Armenian (for Հ)",
        "Noto Sans Symbols 2 (for ☃)", "Noto Color Emoji (for 😀)", "Remove U+E000 from the text",
    ):  # fmt: skip
        assert words_ in said


def test_a_font_that_is_there_and_lacks_the_letter_is_not_asked_for_again():
    assert "Install a font that has them on" in fonts.refusal("Acme", ["𠀀"], ["Inter", "Noto Sans CJK JP"])


def test_of_many_letters_it_says_how_many_more_there_are():
    said = fonts.refusal("Acme", [chr(0x4E00 + n) for n in range(fonts.NAMED + 1200)], [])
    assert "一 丁" in said and "and 1,200 more." in said


@pytest.mark.skipif(sys.platform != "linux", reason="where a system keeps its fonts is its own affair")
def test_the_systems_fonts_are_looked_for(tmp_path):
    kept = tmp_path / "fonts"
    kept.mkdir()
    (kept / "letters.otf").write_bytes((MORE_FONTS / "NotoSansCJK-letters.otf").read_bytes())
    asked = "from portal.services.summary.fonts import fonts; print(fonts(None).families())"
    given = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    families = subprocess.run(
        [sys.executable, "-c", asked], env=given, cwd=ROOT, capture_output=True, text=True
    )
    assert "Noto Sans CJK JP" in families.stdout and "Noto Sans Thai" in families.stdout


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("Société Générale", "societe-generale"),
        ("Łódź Straße Æther & Co.", "lodz-strasse-aether-co"),
        ("O’Brien’s", "o-brien-s"),
        (JAPANESE, "zhushihuisheterekomu"),
        (KOREAN, "hangugtongsin"),
        (ARABIC, "shrkh-ltslt"),
        ("Київстар", "kiivstar"),
        ("!?", "customer"),
    ],
)
def test_the_files_name_has_the_letters_as_they_are_read(session, name, reads):
    customer = a_customer(name)
    found = paper.file_name(summary(customer, *SPAN, TODAY))
    assert found == f"charge-summary_{reads}_{customer.id}_2026-11-01_2026-11-30.pdf"


def test_the_files_name_is_none_that_a_file_system_refuses(session):
    assert len(paper.file_name(summary(a_customer("鬱" * 120), *SPAN, TODAY))) < 200
