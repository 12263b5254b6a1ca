"""What documents and docstrings say is so: the rules they cite, and the files and modules they name, are there."""

import re

import pytest

from portal.config import ROOT
from tests import documents
from tests.documents import NOT_OURS, Named, maybe

RULES = ROOT / "docs" / "billing-rules.md"
MAP = re.compile(r"^## The map\s+```\n(.*?)```", flags=re.M | re.S)


def listed(offenders, what_to_do):
    """A failure that says what to do."""
    shown = "\n".join(f"  {offender}" for offender in sorted(set(offenders)))
    if offenders:
        pytest.fail(f"{what_to_do}\n{shown}", pytrace=False)


def sections():
    """The headings of the rules by their numbers."""
    return {int(n): title for n, title in re.findall(r"^## (\d+)\. (.+)$", RULES.read_text(), flags=re.M)}


def citations():
    """Where the rules are cited, and which sections; none where no number is said."""
    some = r"\d+(?:(?:,\s|,?\s(?:and|or|to)\s)\d+)*"
    cites = rf"(?<![/\w])(billing-rules(?!\.md|\w)(?:[\s#]+({some}))?)"
    within = rf"\b([Ss]ections?\s({some}))"
    for text in documents.texts():
        pattern = within if text.path == RULES else cites
        for match in re.finditer(pattern, text.text):
            yield text.named(match), [int(n) for n in re.findall(r"\d+", match[2] or "")]


def test_the_sections_of_the_rules_are_numbered_one_by_one():
    numbers = re.findall(r"^## (\d+)\.", RULES.read_text(), flags=re.M)
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)], "a section's number is never used again"


def test_every_citation_of_the_rules_names_a_section():
    headings = sections()
    found = list(citations())
    assert len(found) > 30, "citations are not found any more: mend tests/documents.py"
    listed(
        [str(named) for named, numbers in found if not numbers or not set(numbers) <= set(headings)],
        'Cite docs/billing-rules.md by a section that it has: "billing-rules 7".',
    )


def test_code_cites_no_rule_that_is_said_not_to_be_built():
    unbuilt = {n for n, title in sections().items() if title.endswith("(not built yet)")}
    listed(
        [str(named) for named, ns in citations() if unbuilt & set(ns) and named.path.suffix == ".py"],
        "The heading in docs/billing-rules.md says (not built yet). If it is now, take that off; if a part of it\n"
        "is, say (partly built), and under the heading which part is not.",
    )


def test_every_path_that_is_named_is_there():
    found = [named for named in documents.paths() if named.name not in NOT_OURS]
    assert len(found) > 100, "paths are not found any more: mend tests/documents.py"
    listed(
        [f"{named}, {maybe(named)}" for named in found if not documents.is_there(named)],
        "Name the file where it is now. (Not a file of ours? Then NOT_OURS in tests/documents.py says what it is.)",
    )


def test_every_link_of_a_document_leads_somewhere():
    listed(
        [f"{named}, {maybe(named)}" for named in documents.links() if not documents.leads_somewhere(named)],
        "Links lead from the folder of the document that they are in; what stands behind # is a heading.",
    )


def test_every_module_that_is_named_is_there():
    found = [named for named in documents.modules() if named.name not in NOT_OURS]
    assert len(found) > 5, "modules are not found any more: mend tests/documents.py"
    listed(
        [f"{named}, {maybe(named)}" for named in found if not documents.is_module(named)],
        "Name the module, or what stands in it, where it is now.",
    )


@pytest.mark.parametrize("top", ["", "portal", "tests"])
def test_the_map_of_the_readme_names_every_folder_and_no_other(top):
    assert drawn(top) == documents.folders(ROOT / top), (
        f"Draw the map in README.md as the folders are, under {top or 'the root'}; each with what it is for."
    )


def drawn(top):
    """The folders that the map draws under one: on lines of their own, or on its line."""
    (lines,) = MAP.findall((ROOT / "README.md").read_text())
    found, here = set(), ""
    for line in lines.splitlines():
        indent, name, says = re.fullmatch(r"( *)(\S+)\s*(.*)", line).groups()
        here = here if indent else name.rstrip("/")
        if (here if indent else "") == top and name.endswith("/"):
            found.add(name.rstrip("/"))
        if not indent and here == top:
            found |= set(re.findall(r"\b([\w-]+)/(?=[\s,;:]|$)", says))
    return found


# -- what is looked for is found


@pytest.mark.parametrize(
    "text",
    [
        "see portal/services/nowhere.py",
        "in `billing/nowhere`",
        "as nowhere.md names them",
        "(services/nowhere) holds it",
        "tests/nowhere/ and others",
    ],
)
def test_a_path_that_is_not_there_would_be_found(text, monkeypatch):
    monkeypatch.setattr(documents, "texts", lambda: (documents.Text(text, ROOT / "README.md", 1),))
    assert [named for named in documents.paths() if not documents.is_there(named)]


@pytest.mark.parametrize(
    "text",
    [
        "(services.nowhere).",
        "portal.domain.money.nowhere",
        "`planning.nowhere`",
        "python -m tests.nowhere WORD",
    ],
)
def test_a_module_that_is_not_there_would_be_found(text, monkeypatch):
    monkeypatch.setattr(documents, "texts", lambda: (documents.Text(text, ROOT / "README.md", 1),))
    assert [named for named in documents.modules() if not documents.is_module(named)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("# held (billing-rules\n# 8).", [8]),
        ("billing-rules 4, Partial periods", [4]),
        ("billing-rules 6 and 77", [6, 77]),
        ("as the billing-rules say", []),
    ],
)
def test_a_citation_is_read_with_all_its_numbers(text, numbers, monkeypatch):
    monkeypatch.setattr(documents, "texts", lambda: (documents.Text(text, ROOT / "README.md", 1),))
    assert [found for _, found in citations()] == [numbers]


def test_a_file_that_moved_is_pointed_to():
    named = Named("services.posting", ROOT / "README.md", 1)
    assert "posting.py" in maybe(named)
