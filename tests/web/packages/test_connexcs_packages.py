"""The list of platform services, edited in its rows."""

import pytest
from sqlalchemy import select

from portal.models import ConnexcsPackage
from portal.services.packages.connexcs import add_connexcs_package, seed_connexcs_packages
from tests.pages import error_at, page, part, words
from tests.trade import a_package

HTMX = {"HX-Request": "true"}


def names(session) -> list[str]:
    return list(session.scalars(select(ConnexcsPackage.name).order_by(ConnexcsPackage.search_key)))


def test_the_list_says_how_many_packages_use_each(client, session):
    seed_connexcs_packages()
    service = session.scalars(select(ConnexcsPackage).where(ConnexcsPackage.name == "IPQS")).one()
    a_package("Fraud check").connexcs_package = service
    soup = page(client.get("/connexcs-packages"))
    assert words(soup.select_one(f"#service-{service.id}")).startswith("IPQS 1")
    assert words(soup.select_one(".pager p")) == "11 ConnexCS packages"
    assert len(page(client.get("/connexcs-packages?q=converse")).select("tbody tr")) == 2


def test_an_empty_list_offers_the_names_that_providers_know(client, session):
    offer = page(client.get("/connexcs-packages")).select_one(".empty form")
    assert client.post(offer["action"]).status_code == 303
    assert len(names(session)) == 11


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_one_is_added_by_its_name(client, session, headers):
    answer = client.post("/connexcs-packages", data={"name": "Number Lookup"}, headers=headers)
    assert answer.status_code == (200 if headers else 303)
    assert names(session) == ["Number Lookup"]


@pytest.mark.parametrize("name", ["", "x" * 121, "ipqs"])
def test_a_name_that_cannot_be_is_said_at_the_field(client, session, name):
    add_connexcs_package("IPQS")
    soup = page(client.post("/connexcs-packages", data={"name": name}), 422)
    assert error_at(soup, "name")
    part(client.post("/connexcs-packages", data={"name": name}, headers=HTMX), 422)
    assert names(session) == ["IPQS"]


def test_one_is_renamed_in_its_row(client, session):
    service = add_connexcs_package("IPQS")
    url = f"/connexcs-packages/{service.id}/row"
    row = part(client.get(f"{url}/edit", headers=HTMX))
    data = {"name": "IP Quality", "version": row.select_one("[name=version]")["value"]}
    assert words(part(client.post(url, data=data, headers=HTMX)).select_one("tr")).startswith("IP Quality")
    stale = part(client.post(url, data={**data, "name": "Mine"}, headers=HTMX), 409)
    assert "Stored now: IP Quality" in words(stale)
    assert stale.select_one("[name=name]")["value"] == "Mine"
    page(client.post(url, data={**data, "name": "Mine"}), 409)
    page(client.get(f"{url}/edit"))


def test_one_that_a_package_uses_stays_and_the_refusal_names_it(client, session):
    service = add_connexcs_package("IPQS")
    package = a_package("Fraud check")
    package.connexcs_package = service
    refused = page(client.post(f"/connexcs-packages/{service.id}/delete"), 409)
    assert "Fraud check uses IPQS" in words(refused.select_one("main"))
    assert refused.select_one(f'a[href="/packages/{package.id}"]')
    toast = client.post(f"/connexcs-packages/{service.id}/delete", headers=HTMX)
    assert toast.status_code == 409


def test_one_that_nothing_uses_is_deleted(client, session):
    service = add_connexcs_package("IPQS")
    assert client.post(f"/connexcs-packages/{service.id}/delete").status_code == 303
    assert names(session) == []


def test_a_viewer_only_looks(as_viewer, session):
    service = add_connexcs_package("IPQS")
    assert not page(as_viewer.get("/connexcs-packages")).select("main form[method=post]")
    assert as_viewer.post(f"/connexcs-packages/{service.id}/delete").status_code == 403
