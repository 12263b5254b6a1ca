"""What documents, sentences in code and comments name: paths and modules; and whether they are there."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from portal.config import ROOT

IGNORED = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
FLOORS = ("domain", "models", "services", "web", "commands")
# Where a name may start: "models/package.py" and "models.package" are said for those of the package.
BASES = ("", "portal", "portal/services", "templates", "tests", "docs")
# What looks like a name of ours and is none.
NOT_OURS = {
    "portal.db": "the SQLite file",
    "portal.requests": "who says a line of the log",
    "portal.sign_in": "the same",
    "portal.example.com": "a host",
    "var/portal": "where an installed portal keeps its data",
    "_name.html": "stands for any partial",
    "node.html": "what axe says of an element",
}
SUFFIX = r"\.(?:py|md|html|js|css|json|txt|typ|toml)\b"
# The only ones that may name what is not there.
EXAMPLES = [Path(__file__), ROOT / "tests" / "test_documents.py"]
PROSE = (".py", ".md", ".html", ".js", ".css", "Makefile", "run")


class Named(NamedTuple):
    """A name, and the file and line where it stands."""

    name: str
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} names {self.name}"


class Text(NamedTuple):
    """Something that people read: a sentence, a comment, or a whole document; and the line on which it begins."""

    text: str
    path: Path
    line: int

    def named(self, match: re.Match[str], group: int = 1) -> Named:
        """What was found in it."""
        return Named(match[group], self.path, self.line + self.text.count("\n", 0, match.start(group)))


@cache
def files() -> tuple[Path, ...]:
    """The files of the repository, without what is made by running it."""
    found = []
    for folder in [ROOT, *sorted(ROOT.iterdir())]:
        inside = folder.rglob("*") if folder != ROOT and folder.is_dir() else ROOT.glob("*")
        if not is_ignored(folder) and folder.name != ".git":
            found += [path for path in inside if path.is_file() and not is_ignored(path)]
    return tuple(sorted(set(found)))


def is_ignored(path: Path) -> bool:
    """Whether it, or a folder that it is in, is no part of the repository."""
    return any(fnmatch(part, known) for part in path.relative_to(ROOT).parts for known in IGNORED)


def folders(under: Path) -> set[str]:
    """The folders in a folder that hold something, without hidden ones."""
    inside = (path.relative_to(under).parts for path in files() if path.is_relative_to(under))
    return {parts[0] for parts in inside if len(parts) > 1 and not parts[0].startswith(".")}


@cache
def texts() -> tuple[Text, ...]:
    """All that people read: documents whole; of code the comments, and docstrings and other sentences."""
    wanted = [p for p in files() if p.name.endswith(PROSE) and "vendor" not in p.parts and p not in EXAMPLES]
    return tuple(text for path in wanted for text in _texts(path))


def _texts(path: Path) -> Iterator[Text]:
    source = path.read_text()
    if path.suffix == ".py":
        yield from _python(path, source)
    elif path.suffix in (".html", ".js", ".css"):
        comment = r"\{#.*?#\}|/\*.*?\*/|(?<![:\w])//[^\n]*"
        for match in re.finditer(comment, source, flags=re.S):
            yield Text(match[0], path, 1 + source.count("\n", 0, match.start()))
    else:
        yield Text(source, path, 1)


def _python(path: Path, source: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text), lineno=line) if " " in text:
                yield Text(text, path, line)
    # The lines of one comment are read as one.
    comment = r"^( *)#.*(?:\n\1#.*)*|(?<=  )#.*"
    for match in re.finditer(comment, source, flags=re.M):
        yield Text(match[0], path, 1 + source.count("\n", 0, match.start()))


# -- paths


def paths() -> Iterator[Named]:
    """What is named as a path of the repository: by its folder, by its suffix, or between backticks."""
    tops = "|".join(sorted(map(re.escape, {*folders(ROOT), *FLOORS, ".ci"})))
    path = rf"(?<![\w/.:@$~<>-])((?:{tops})/[\w./-]*\w/?|(?:{tops})/(?=[\s`),;:]|$)|[\w-]+\.(?:py|md|html))(?![\w*<{{])"
    ticked = rf"`([A-Za-z_][\w.-]*/[\w./-]*\w/?|[\w./-]*{SUFFIX})`"
    for text in texts():
        for pattern in (path, ticked):
            yield from (text.named(match) for match in re.finditer(pattern, text.text))


def is_there(named: Named) -> bool:
    """Whether a path leads somewhere: from where it is named, from the root, or from a floor."""
    name = named.name.rstrip("/")
    starts = [named.path.parent, *(ROOT / base for base in BASES)]
    return any((start / ending).exists() for start in starts for ending in (name, f"{name}.py")) or (
        "/" not in name and any(path.name == name for path in files())
    )


def links() -> Iterator[Named]:
    """Where the links of documents lead, but for the web."""
    for text in texts():
        if text.path.suffix == ".md":
            for match in re.finditer(r"\]\(([^)\s]+)\)", text.text):
                if not re.match(r"https?:|mailto:", match[1]):
                    yield text.named(match)


def leads_somewhere(named: Named) -> bool:
    """Whether a link's file is there, and its heading in it."""
    file, _, anchor = named.name.partition("#")
    target = named.path.parent / file if file else named.path
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# -- modules


def modules() -> Iterator[Named]:
    """What is named as a module, or as something in one: from portal or a floor on, in backticks from any module on."""
    tops = "|".join(("portal", "tests", "benchmarks", *FLOORS))
    dotted = rf"(?<![\w/.:@-])((?:{tops})(?:\.[A-Za-z_]\w*)+)(?![\w-]|\.\w|/)"
    ticked = r"`([a-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(\))?`"
    for text in texts():
        yield from (text.named(match) for match in re.finditer(dotted, text.text))
        for match in re.finditer(ticked, text.text):
            if match[1].partition(".")[0] in _by_name() and not re.search(SUFFIX, match[1]):
                yield text.named(match)


@cache
def _by_name() -> dict[str, list[Path]]:
    """The modules of the portal by the last part of their name."""
    found: dict[str, list[Path]] = {}
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(ROOT / "portal"):
            found.setdefault(path.parent.name if path.stem == "__init__" else path.stem, []).append(path)
    return found


def is_module(named: Named) -> bool:
    """Whether a dotted name is that of a module, or of something that stands in one."""
    if re.search(SUFFIX, named.name) and is_there(named):
        return True
    parts = named.name.split(".")
    found = [(path, parts[1:]) for path in _by_name().get(parts[0], [])]
    if (
        len(parts) == 2 and parts[0] not in FLOORS
    ):  # an endpoint bears its blueprint's name, whatever module it is in
        found += [(path, parts[1:]) for path in files() if path.is_relative_to(ROOT / "portal" / "web")]
    for base in BASES:
        for count in range(len(parts), 0, -1):
            stem = ROOT.joinpath(base, *parts[:count])
            found += [(path, parts[count:]) for path in (stem.with_suffix(".py"), stem / "__init__.py")]
            if stem.is_dir() and count == len(parts):
                return True
    return any(
        path.suffix == ".py" and path.is_file() and (not rest or rest[0] in _says(path))
        for path, rest in found
    )


@cache
def _says(path: Path) -> set[str]:
    """What a module defines or imports at its top."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {alias.asname or alias.name for alias in names}
            case ast.Assign() | ast.AnnAssign():
                found |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found


def maybe(named: Named) -> str:
    """Where what is not there may have gone: what bears its last name."""
    last = PurePosixPath(named.name).name
    stem = last.rpartition(".")[0] if re.search(rf"{SUFFIX}$", last) else last.rpartition(".")[2]
    like = [path for path in files() if stem in (path.stem, path.name) or path.parent.name == stem]
    shown = ", ".join(str(path.relative_to(ROOT)) for path in like[:3])
    return f"which is not there (perhaps {shown})" if shown else "which is not there"
