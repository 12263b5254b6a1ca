"""Every place in the code that takes the first of something: found in the source, to be held against a table."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TAKES = {"limit", "islice", "nlargest", "nsmallest", "fetchmany"}
# A slice of what these give cuts a text, not a list: a digest, what was typed, a name.
GIVE_TEXT = {"strip", "join", "hexdigest", "hex", "lower", "casefold", "get", "removeprefix"}
TEXTS = {
    "text",
    "typed",
    "token",
    "label",
    "name",
    "number",
    "digits",
    "value",
    "call_id",
    "way",
    "browser",
    "address",
}
TEXTS |= {"noun", "password", "instant", "pattern", "content", "data", "block", "shown", "index", "currency"}
IN_A_PAGE = re.compile(r"([\w.]+)\[:\s*([^\]:]+)\]")


def in_code() -> Iterator[tuple[str, str]]:
    """Where, and what: `services/overview/watch.py`, `limit(NAMED + 1)`. One row only (limit(1)) is no list."""
    for path in sorted((ROOT / "portal").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if said := _takes_the_first(node):
                yield path.relative_to(ROOT / "portal").as_posix(), said


def in_pages() -> Iterator[tuple[str, str]]:
    """Where, and what: `dids/give.html`, `chosen[:12]`."""
    for path in sorted((ROOT / "templates").rglob("*.*")):
        for what, bound in IN_A_PAGE.findall(path.read_text(encoding="utf-8")):
            if what.rpartition(".")[2] not in TEXTS | {"fingerprint"}:
                yield path.relative_to(ROOT / "templates").as_posix(), f"{what}[:{bound}]"


def _takes_the_first(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        said = ", ".join(ast.unparse(argument) for argument in node.args)
        return f"{name}({said})" if name in TAKES and said != "1" else ""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return ""
    cut = node.slice
    first = cut.lower is None and cut.upper is not None and not _is_minus(cut.upper)
    last = cut.upper is None and cut.lower is not None and _is_minus(cut.lower)
    return ast.unparse(node) if (first or last) and not _is_text(node.value) else ""


def _is_minus(bound: ast.expr) -> bool:
    """Whether it counts from the end: -1, -SHOWN // 2."""
    return ast.unparse(bound).startswith("-")


def _is_text(cut: ast.expr) -> bool:
    if isinstance(cut, ast.BoolOp):  # (form.token.data or "")[:64]
        return isinstance(cut.values[-1], ast.Constant) or any(_is_text(value) for value in cut.values)
    if isinstance(cut, ast.Call):
        return getattr(cut.func, "attr", getattr(cut.func, "id", "")) in GIVE_TEXT | {"next"}
    return getattr(cut, "attr", getattr(cut, "id", "")) in TEXTS or isinstance(cut, ast.JoinedStr)
