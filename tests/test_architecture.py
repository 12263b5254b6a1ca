"""The house keeps its shape: one arrow downwards, nothing inline, a clock in one place."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from portal.config import ROOT

FLOORS = {"domain": 0, "models": 1, "services": 2, "tasks": 3, "web": 4, "commands": 4}
FOREIGN_TO_DOMAIN = {"flask", "sqlalchemy", "portal.extensions", "portal.clock", "portal.database"}
MODULES = sorted((ROOT / "portal").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def imports(path: Path) -> set[str]:
    """What a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def floor(name: str) -> int | None:
    """The floor of a dotted name; None for what stands beside the house."""
    parts = name.split(".")
    return FLOORS.get(parts[1]) if parts[0] == "portal" and len(parts) > 1 else None


def told(offenders: list[tuple[Path, str]]) -> str:
    """One line for each offender: the file, and what is wrong with it."""
    return "\n" + "\n".join(f"{path.relative_to(ROOT)}: {what}" for path, what in offenders)


def test_imports_go_down_only():
    wrong = [(path, what) for path in MODULES for what in upward(path)]
    assert not wrong, told(wrong)


def upward(path: Path) -> Iterator[str]:
    """A sentence for each name that a module of its floor may not import."""
    here = floor(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name in sorted(imports(path)):
        there = floor(name)
        if name.startswith("."):
            yield f"{name}: imports are absolute"
        if here is None:
            continue
        if there is not None and there > here:
            yield f"{name} stands above"
        if here == 0 and name.startswith(tuple(FOREIGN_TO_DOMAIN)):
            yield f"the domain knows nothing of {name}"
        if here < 3 and name.startswith(("flask.", "portal.clock")) and name != "flask.current_app":
            yield f"{name} is for the web and the commands"


def drawn(package: str) -> dict[str, int]:
    """The subjects of a package in the order of the drawing in its docstring, without its remarks."""
    text = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text())) or ""
    lines = [line.strip().split("   ")[0] for line in text.splitlines() if line.startswith("    ")]
    return {name: place for place, name in enumerate(" ".join(lines).split())}


def asked(package: str) -> Iterator[tuple[Path, str, str]]:
    """Each import between two subjects of a package: where, who asks, and whom."""
    dotted = package.replace("/", ".") + "."
    for path in sorted((ROOT / package).rglob("*.py")):
        here = path.relative_to(ROOT / package).with_suffix("").parts[0]
        for name in sorted(imports(path)):
            there = name.removeprefix(dotted).split(".")[0]
            if name.startswith(dotted) and there != here != "__init__":
                yield path, here, there


def test_each_subject_of_the_services_asks_only_those_to_its_right_or_below():
    order = drawn("portal/services")
    there = {path.stem for path in (ROOT / "portal/services").iterdir() if not path.name.startswith("__")}
    assert set(order) == there, "the drawing in portal/services/__init__.py is not what is there"
    wrong = [
        (path, f"{here} asks {asks}")
        for path, here, asks in asked("portal/services")
        if order[asks] <= order[here]
    ]
    assert not wrong, told(wrong)


def test_a_service_that_commits_says_so_at_its_head():
    found = [
        (path, "it commits, and its docstring does not say so")
        for path in sorted((ROOT / "portal/services").rglob("*.py"))
        if ".session.commit()" in (text := path.read_text())
        and "commits" not in (ast.get_docstring(ast.parse(text)) or "")
    ]
    assert not found, told(found)


def test_no_two_folders_of_the_pages_need_each_other():
    needs: dict[str, set[str]] = {}
    for _path, here, there in asked("portal/web"):
        needs.setdefault(here, set()).add(there)
    try:
        list(TopologicalSorter(needs).static_order())
    except CycleError as circle:
        raise AssertionError(" asks ".join(reversed(circle.args[1]))) from None


def test_only_the_clock_reads_the_clock():
    reads = re.compile(r"\b(date\.today|datetime\.(now|utcnow)|time\.time)\(")
    found = [
        (path, "ask portal.clock, at the edge, and hand the day down")
        for path in MODULES
        if path.name != "clock.py" and reads.search(path.read_text())
    ]
    assert not found, told(found)


def test_every_module_says_what_it_is_for():
    silent = [
        (path, "no docstring")
        for path in MODULES
        if (text := path.read_text()).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert not silent, told(silent)


def without_comments(path: Path) -> str:
    """A template's text, but for what it only says to who reads it."""
    return re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S)


def test_no_line_of_a_template_is_longer_than_160_characters():
    found = [
        (path, f"line {number} has {len(line)} characters")
        for path in sorted((ROOT / "templates").rglob("*.*"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 160
    ]
    assert not found, told(found)


def test_templates_hold_nothing_that_the_content_security_policy_refuses():
    refused = (r"<style", r"\sstyle=", r"<script(?![^>]*\bsrc=)", r"\son\w+=", r"hx-on", r"""["']js:""")
    found = [
        (path, what) for path in TEMPLATES for what in refused if re.search(what, without_comments(path))
    ]
    found += [
        (path, "|safe: nothing is trusted to be HTML")
        for path in TEMPLATES
        if "|safe" in without_comments(path).replace(" ", "")
    ]
    assert not found, told(found)


def test_what_htmx_does_works_without_it():
    found = [
        (path, f"without {needed} {tag}")
        for path in TEMPLATES
        for element, needed in (("a", "href="), ("form", "action="))
        for tag in re.findall(
            rf"<{element}\b(?:[^>{{]|\{{\{{.*?\}}\}}|\{{%.*?%\}})*>", without_comments(path), flags=re.S
        )
        if needed not in tag
    ]
    assert not found, told(found)


# The demo's made-up files are written as other systems write theirs; a scenario's number is read as it was typed.
WRITES = {"portal/domain/wording.py", "portal/services/demo/calls.py", "portal/services/scenarios/reading.py"}
SENTENCE_FORMAT = re.compile(r"[,%]|f$")
NAMES_OF_DAYS = {"Monday", "January", "Mon", "Jan", "st", "nd", "th"}


def test_nothing_is_written_for_a_reader_outside_the_wording():
    found = [
        (path, f"line {line}: {what}; portal/domain/wording.py does that")
        for path in MODULES
        if path.relative_to(ROOT).as_posix() not in WRITES
        for line, what in written(path)
    ]
    by_hand = re.compile(r'strftime|\|\s*format\(|\bs" if|~ "s"|join\(" (?:and|or) "\)')
    found += [(path, what) for path in TEMPLATES for what in by_hand.findall(without_comments(path))]
    assert not found, told(found)


def written(path: Path) -> Iterator[tuple[int, str]]:
    """Each place in a module that writes money, a day, a number or a list by itself: its line, and what it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[*_, ast.Constant(value=str(spec))])):
                if SENTENCE_FORMAT.search(spec):
                    yield node.lineno, f"{ast.unparse(node)} formats a number or a day"
            case ast.Attribute(attr="strftime"):
                yield node.lineno, "strftime"
            case ast.ImportFrom(module="babel.dates" | "babel.numbers", names=names):
                if any(name.name.startswith("format_") for name in names):
                    yield node.lineno, f"{ast.unparse(node)}"
            case ast.Constant(value=str(word)) if word in NAMES_OF_DAYS:
                yield node.lineno, f"{word!r}"
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=" and " | " or "), attr="join")):
                yield node.lineno, f"{ast.unparse(node)} lists words"
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=", "), attr="join"),
                args=[ast.Subscript(slice=ast.Slice(upper=ast.UnaryOp()))],
            ):
                yield node.lineno, f"{ast.unparse(node)} lists words"


def test_no_link_begins_with_what_somebody_asked_for():
    wrong = [
        (path, "a link that leaves the portal is made by portal/web/http/links.py")
        for path in [*MODULES, *(ROOT / "templates").rglob("*.*")]
        if "_external" in path.read_text() or (path.name != "links.py" and "url_root" in path.read_text())
    ]
    assert not wrong, told(wrong)
