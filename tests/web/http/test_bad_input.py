"""Whatever comes in: no route breaks, what cannot be is refused by the name of its field, and stores nothing."""

import gzip
import os
from io import BytesIO

import pytest
from sqlalchemy import create_engine, make_url, text
from werkzeug.exceptions import HTTPException

from tests import bad_input, bad_input_world, world
from tests.bad_input import BEYOND, LETTERS, Field, Form, form_on, sentence_about, shown
from tests.bad_input_routes import QUERY, ROWS, SECURITY, SECURITY_FIELDS, Row
from tests.depth import tries
from tests.pages import read

pytestmark = pytest.mark.slow

NEW = """{names}: no row in tests/bad_input_routes.py. Add to ROWS, for each of them,
    "blueprint.view": Row("blueprint.page", fill={{"field": "value"}}),
where the page is the view that shows its form, and the values those with which it is accepted; or BUTTON, where
there is nothing to fill in. If its address has a new part, say in tests/role_things.py what it is."""


@pytest.fixture(scope="module")
def stage(folder):
    """The portal on SQLite; `clean` puts it back as it was."""
    home = world.new_folder(folder, "bad-input")
    database = world.Sqlite(home)
    stage = bad_input_world.Stage(database, home)
    yield stage
    stage.close()
    database.close()


@pytest.fixture(scope="module")
def on_postgresql(folder, postgresql_url):
    """The same on PostgreSQL, in a database of its own."""
    home = world.new_folder(folder, "bad-input-pg")
    server = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    name = f"bad_input_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    database = world.Postgresql(home, url)
    yield bad_input_world.Stage(database, home)
    database.end()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def test_every_route_that_takes_a_form_has_its_row(stage):
    there = {rule.endpoint for rule in stage.app.url_map.iter_rules() if "POST" in rule.methods}
    told = {row.view or name for name, row in ROWS.items()} | SECURITY.keys()
    assert not there - told, NEW.format(names=", ".join(sorted(there - told)))
    assert not told - there, f"tests/bad_input_routes.py has rows of routes that are gone: {told - there}"


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.is_button])
def test_a_form_refuses_what_cannot_be(stage, name):
    row = ROWS[name]
    stage.database.clean()
    form = submission(stage, name, row)
    before = stage.contents()
    answer = send(stage, row, form, form.values)
    assert answer.status_code in row.status, (
        f"The row of {name} in tests/bad_input_routes.py is to say how its form is filled in so that it is "
        f"accepted: {form.values} gives {answer.status_code} {said(answer)}"
    )
    stage.database.clean()
    wrong = []
    for field in bad_input.first_and_last(form.fields.values()):
        cases = bad_input.some(list(field.cases()), f"{name} {field.name}")
        if field.name in row.theirs:
            cases.append((filled(stage, row.theirs[field.name]), True))
        for value, must in cases:
            values = {k: v for k, v in form.values.items() if k != field.name}
            values |= {} if value is None else {field.name: value}
            answer = send(stage, row, form, values)
            after = stage.contents()
            if problem := judge(stage, row, field, value, must, answer, after == before):
                wrong.append(f"{name}, {field.name} {shown(value)}: {problem}")
            if after != before:
                stage.database.clean()
    assert not wrong, "\n" + "\n".join(wrong)


def judge(stage, row, field, value, must, answer, is_unchanged):
    """What is wrong with an answer to a value, if anything is."""
    status = answer.status_code
    if status >= 500:
        return f"{status} {said(answer)}"
    if row.is_preview:
        return "" if is_unchanged else "a preview stored something"
    is_empty = value is None or not value.strip()
    if must and is_empty and field.name in row.defaults:
        must = False
    if (
        must
        and is_empty
        and field.kind in bad_input.TYPED
        and field.name not in row.harmless
        and status != 422
    ):
        return f"empty where something is required, and answered {status}: {said(answer)}"
    if status >= 400:
        if not is_unchanged:
            return f"refused ({status}), and yet something was stored"
        if status != 404 and not sentence_about(answer.text, field, row.says.get(field.name, "")):
            return f"refused ({status}) without naming the field: {said(answer)}"
        return ""
    if must and field.name not in row.harmless:
        return f"accepted ({status}){'' if is_unchanged else ', and stored'}"
    kept = (field.kind, value) in (
        ("text", LETTERS),
        ("email", bad_input.INTERNATIONAL),
    ) and field.name not in row.harmless
    if kept and not bad_input.is_stored(stage.app, value):
        return f"accepted ({status}), and not kept as it was typed"
    return ""


def said(answer):
    """What an answer says, in short."""
    soup = read(answer.text)
    found = bad_input.sayings(soup) or soup.select("h1") or [soup]
    return " | ".join(" ".join(part.get_text(" ").split()) for part in found)[:300]


def filled(stage, told):
    """A text of the table, with real ids in it."""
    return told.format_map(stage.parts) if isinstance(told, str) else told


def submission(stage, name, row):
    """The form of a row, as its page shows it, filled in."""
    view = row.form or row.view or name
    values = {key: filled(stage, value) for key, value in row.fill.items()}
    if row.page:
        found = on_page(stage, row, view)
        found.values |= values
        if row.form:
            found.action = address(stage, row.view or name, row, "POST")
    else:
        found = Form(address(stage, view, row, "POST"), values=values)
        for key in values:
            found.fields[key] = Field(key, "id" if key == "ids" else "text", "", True)
    for key, kind in row.kinds.items():
        old = found.fields.get(key) or Field(key, kind)
        found.fields[key] = Field(key, kind, old.label, old.is_required)
    return found


def on_page(stage, row, view):
    """The form of a view on the page that shows it."""
    path = address(stage, row.page, row, "GET")
    query = {key: filled(stage, value) for key, value in row.query.items()}
    answer = stage.browser(row.role).get(path, query_string=query)
    assert answer.status_code == 200, f"{path} {query} answers {answer.status_code}: {said(answer)}"
    soup = read(answer.text)
    forms = [form_on(soup, element) for element in soup.select("form[method=post]")]
    ours = [form for form in forms if view_of(stage, form.action) == view]
    assert ours, f"{path} shows no form of {view}, only {[view_of(stage, f.action) for f in forms]}"
    return ours[0]


def view_of(stage, action):
    """The view that a form is sent to."""
    path = action.partition("?")[0]
    try:
        return stage.app.url_map.bind("localhost").match(path, "POST")[0]
    except HTTPException:
        return ""


def address(stage, view, row, method):
    """Where a view is."""
    at = {key: filled(stage, value) for key, value in row.at.items()}
    rules = [rule for rule in stage.app.url_map.iter_rules(view) if method in rule.methods]
    rule = next((rule for rule in rules if at.keys() <= rule.arguments), rules[0])
    parts = {part: at.get(part) or stage.part(part, view) for part in rule.arguments}
    with stage.app.test_request_context():
        return rule.build({k: int(v) if str(v).isdecimal() else v for k, v in parts.items()})[1]


def send(stage, row, form, values):
    """Send a form."""
    return stage.browser(row.role).post(form.action, data=values)


def test_what_only_postgresql_cannot_hold_is_refused_too(on_postgresql):
    """There a text has a length and a number a size: none of them is met by an error."""
    stage, wrong = on_postgresql, []
    stage.database.clean()
    for name, row in ROWS.items():
        if row.is_button or row.is_preview:
            continue
        form = submission(stage, name, row)
        before = stage.contents()
        for field in bad_input.first_and_last(form.fields.values()):
            if field.kind in ("tick", "file"):
                continue
            value = {"number": BEYOND, "id": BEYOND, "version": BEYOND, "choice": BEYOND}.get(
                field.kind, LETTERS * 9000
            )
            answer = send(stage, row, form, form.values | {field.name: value})
            must = field.kind not in ("hidden", "password")
            after = stage.contents()
            if problem := judge(stage, row, field, value, must, answer, after == before):
                wrong.append(f"{name}, {field.name} {shown(value)}: {problem}")
            if after != before:
                stage.database.clean()
    assert not wrong, "\n" + "\n".join(wrong)


# -- files

JUNK = {
    "nothing": b"",
    "white space": b" \n\n \n",
    "NULs": b"\0" * 5000,
    "bytes that are no text": bytes(range(256)) * 40,
    "half of UTF-16": "number,customer\n+442079461999,Acme\n".encode("utf-16")[:-1],
    "one long line": b"9" * 100_000,
    "quotes that do not end": b'call id,customer\n"1,Acme\n' * 50,
    "thousands of columns": b"," * 20_000,
    "a picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "a packed file that is none": b"\x1f\x8b\x08\0" + b"x" * 300,
    "a packed file cut off": gzip.compress(b"call id,customer,charge\n" * 5000)[:60],
    "a page": b"<html><script>alert(1)</script>",
    "only a head": b"call id,customer,did,destination,start time,seconds,charge,cost\n",
    "numbers beyond": f"number,customer\n{'9' * 5000},#{BEYOND}\n+44²,Acme\n".encode(),
    "calls beyond": (
        "call id,customer,did,destination,start time,seconds,charge,cost\n"
        f"1,Acme,,44,2026-11-20 10:00:00,{BEYOND},1e309,NaN\n2,#{BEYOND},,44,0001-01-01,-1,Infinity,²\n"
        f"{LETTERS},Acme,,{LETTERS},99999-01-01,x,{'9' * 5000},{LETTERS}\n"
    ).encode(),
}
NAMES = [
    "calls.csv",
    "calls.csv.gz",
    "../../etc/passwd",
    "a\0b.csv",
    f"{LETTERS}.csv",
    "x" * 3000,
    ".",
    "\udcff.csv",
]
UPLOADS = {
    "/bank-statements": {},
    "/calls": {},
    "/imports": {"kind": "customers"},
    "/settings/logo": {},
    "/dids": {"by": "file", "quantity": "1", "country": "GB", "start_date": "2026-11-22"},
    "/dids/new/check": {"by": "file", "quantity": "1", "country": "GB", "start_date": "2026-11-22"},
}


@pytest.mark.parametrize("path", UPLOADS)
def test_a_file_that_cannot_be_read_breaks_nothing(stage, path):
    """It is refused by name, or its bad lines are: nothing of it comes in."""
    wrong = []
    files = [(what, junk, "calls.csv") for what, junk in JUNK.items()]
    files += [("packed", JUNK["nothing"], "calls.csv.gz")]
    files += [(f"called {shown(name)}", JUNK["calls beyond"], name) for name in NAMES]
    for what, junk, name in files:
        stage.database.clean()
        before = stage.contents()
        try:
            sent = {"file": (BytesIO(junk), name), **UPLOADS[path]}
            answer = stage.browser("owner").post(path, data=sent, content_type="multipart/form-data")
        except UnicodeEncodeError:  # no browser can send it either
            continue
        after = stage.contents()
        if answer.status_code >= 500:
            wrong.append(f"{what}: {answer.status_code} {said(answer)}")
        elif answer.status_code >= 400 and after != before:
            wrong.append(f"{what}: refused, and yet something was stored")
        elif answer.status_code >= 400 and not sentence_about(answer.text, Field("file", "file", "File")):
            wrong.append(f"{what}: refused ({answer.status_code}) without naming the field: {said(answer)}")
        elif any(after[table] != before[table] for table in ("call", "did", "customer", "charge")):
            wrong.append(f"{what}: something came in")
    assert not wrong, "\n" + "\n".join(wrong)


# -- addresses


# Every page is asked every question that an address can ask, each time with the same of these.
ASKED = [
    "", "x", "-1", "0", "²", "NaN", "1e309", BEYOND, "9" * 5000, "2026-02-30", "0001-01-01", "9999-12-31",
    LETTERS, "%_\\'\"", "a\0b",
]  # fmt: skip


@pytest.mark.parametrize("value", ASKED[:: tries(2, deep=1)], ids=shown)
def test_no_address_breaks_a_page(stage, value):
    stage.database.clean()
    before = stage.contents()
    wrong = []
    for path, role in pages(stage):
        answer = stage.browser(role).get(path, query_string=dict.fromkeys(QUERY, value))
        if answer.status_code >= 500:
            wrong.append(f"{path}: {answer.status_code} {said(answer)}")
    assert not wrong, "\n".join(wrong)
    assert stage.contents() == before


def pages(stage):
    """Every page there is to be asked for, and who may."""
    found = []
    for rule in stage.app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        parts = {part: stage.part(part, rule.endpoint) for part in rule.arguments}
        with stage.app.test_request_context():
            path = rule.build(parts, append_unknown=False)[1]
        found.append((path, "acme" if rule.endpoint.startswith("my.") else "owner"))
    return found


@pytest.mark.parametrize(
    "number", ["9223372036854775807", BEYOND, "9" * 5000, "0", "-1", "x", "²", "a%00b"], ids=shown
)
def test_what_is_not_there_is_not_found(stage, number):
    stage.database.clean()
    before = stage.contents()
    wrong = []
    for rule in stage.app.url_map.iter_rules():
        if rule.endpoint == "static" or rule.endpoint in SECURITY:
            continue
        numbers = [part for part in rule.arguments if part.endswith("_id")]
        if not numbers:
            continue
        path = rule.rule
        for part in rule.arguments:
            place = next(p for p in path.split("/") if p.endswith(f"{part}>"))
            value = number if part in numbers else str(stage.part(part, rule.endpoint))
            path = path.replace(place, value)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            role = "acme" if rule.endpoint.startswith("my.") else "owner"
            answer = stage.browser(role).open(path, method=method)
            if answer.status_code not in (404, 405):
                wrong.append(f"{method} {path[:80]}: {answer.status_code} {said(answer)}")
    assert not wrong, "\n".join(wrong)
    assert stage.contents() == before


# -- signing in


@pytest.mark.parametrize("name", SECURITY)
def test_signing_in_breaks_on_nothing(stage, name):
    page, role = SECURITY[name]
    stage.database.clean()
    row = Row(page, role)
    form = None
    if page:
        try:
            form = on_page(stage, row, name)
        except AssertionError:
            form = None
    rule = next(rule for rule in stage.app.url_map.iter_rules(name) if "POST" in rule.methods)
    path = rule.rule.replace("<token>", "a-token")
    names = list(form.fields) if form else list(SECURITY_FIELDS)
    before = stage.contents()
    wrong = []
    for value in (None, "", "x" * 100_000, LETTERS, "a\0b", BEYOND, "{}", "null", '{"id": 1}'):
        for field in names:
            values = dict(form.values) if form else {}
            values.pop(field, None)
            values |= {} if value is None else {field: value}
            answer = stage.browser(role).post(path, data=values)
            if answer.status_code >= 500:
                wrong.append(f"{field} {shown(value)}: {answer.status_code} {said(answer)}")
    after = stage.contents()
    same = {table for table in before if before[table] == after[table]}
    # What a person asks about their own way of signing in is written down before it is done.
    assert before.keys() - same <= {"user", "mail"}, before.keys() - same
    assert not wrong, "\n".join(wrong)
