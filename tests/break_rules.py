"""Break one rule in the code at a time, and see that a worked example fails for each.

    python -m tests.break_rules [WORD ...]

Each of tests/broken_rules.py changes one thing in the text of one module. A process of its own puts what
became of it in place of what it had read (the files stay as they are) and works through docs/examples.json
until an example fails. Without words all are tried; with words, those whose rule or file holds one of them.
Exits 1 where every example still holds: then a rule has no example.
"""

import gc
import multiprocessing
import re
import signal
import sys
import time
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from portal.services.scenarios.reading import ScenarioRefused
from tests.broken_rules import BROKEN
from tests.examples import EXAMPLES, without_sentences
from tests.simulating import simulator

ROOT = Path(__file__).parent.parent
FORK = multiprocessing.get_context("fork")
AT_ONCE = 2
SECONDS_MOST = 5  # of reckoning, for one example: a broken rule may go on for ever
WORD = re.compile(r"\w+")
TOLD = {
    example["id"]: set(WORD.findall(f"{example['rule']} {example['about']} {example['id']}".lower()))
    for example in EXAMPLES
}


# -- putting what a rule becomes in its place


@cache
def text_of(file):
    """A module's text."""
    return (ROOT / file).read_text()


def out_of_date():
    """A sentence for each of BROKEN whose text the code does not hold once (any more)."""
    for broken in BROKEN:
        found = text_of(broken.file).count(broken.stands)
        if found != 1:
            yield f"{broken.about}\n  stands there {found} times, and has to once:\n  {broken.stands}"


def break_it(broken):
    """Let this process believe that the module had the other text."""
    name = broken.file.removesuffix(".py").replace("/", ".")
    module = sys.modules[name]
    code = compile(text_of(broken.file).replace(broken.stands, broken.becomes), broken.file, "exec")
    codes = {part.co_qualname: part for part in functions_in(code)}
    changed = [f for f in functions_of(module) if codes[f.__code__.co_qualname] != f.__code__]
    for function in changed:
        function.__code__ = codes[function.__code__.co_qualname]
    if not changed:
        put_constants(module, code)
    for other in portal_modules():
        for value in vars(other).values():
            if isinstance(value, type(text_of)):
                value.cache_clear()


def functions_in(code):
    """The functions and methods of a compiled module."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from functions_in(part)


def functions_of(holder, seen=""):
    """The functions and methods that a module has, whatever they are wrapped in."""
    name = holder.__name__ if isinstance(holder, ModuleType) else holder.__module__
    for value in list(vars(holder).values()):
        if isinstance(value, type):
            if value.__module__ == name and isinstance(holder, ModuleType):
                yield from functions_of(value)
            continue
        value = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
        value = getattr(value, "__wrapped__", value)
        if isinstance(value, FunctionType) and value.__code__.co_filename == sys.modules[name].__file__:
            yield value


def put_constants(module, code):
    """Put what has another value now in its place, wherever it was imported."""
    read = {"__name__": module.__name__}
    exec(code, read)
    names = [
        name
        for name, value in vars(module).items()
        if not callable(value) and not name.startswith("__") and read[name] != value
    ]
    assert names, "what it becomes changes nothing"
    for name in names:
        before = getattr(module, name)
        for other in portal_modules():
            if vars(other).get(name) is before:
                setattr(other, name, read[name])


def portal_modules():
    """The modules of the portal that are loaded."""
    return [module for name, module in list(sys.modules.items()) if name.split(".")[0] == "portal"]


# -- trying the examples


def in_order(broken):
    """The examples, those first that speak of the broken rule: named by it, of its section, in its words."""
    section, _, rule = broken.rule.partition(".")
    words = set(WORD.findall(rule.lower()))

    def likeness(example):
        is_named = f"[{example['id']}]" in broken.rule
        return is_named, example["rule"].startswith(f"{section}."), len(words & TOLD[example["id"]])

    return sorted(EXAMPLES, key=likeness, reverse=True)


def holds(example, ask):
    """Whether the portal answers what the example says."""
    try:
        return without_sentences(ask(example["scenario"])) == example["expect"]
    except ScenarioRefused as refused:
        return str(refused).partition(": ")[0] == example["expect"].get("refused")
    except Exception:
        return False


def first_to_fail(broken, ask):
    """The id of the first example that fails once it is broken; None where all hold."""
    break_it(broken)
    for example in in_order(broken):
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_MOST)
        if not holds(example, ask):
            return example["id"]
    return None


def try_one(index, ask, found):
    """Answer the place in BROKEN and the example that failed: a process of its own does this and ends."""
    signal.signal(signal.SIGVTALRM, _too_long)
    found.put((index, first_to_fail(BROKEN[index], ask)))


def _too_long(_signal, _frame):
    raise TimeoutError


def has_ended(process):
    """Whether a process is done; it has to end well."""
    assert not process.exitcode, "a rule could not be tried: see above"
    return process.exitcode is not None


def with_room(running):
    """Wait until fewer than AT_ONCE processes are at work: those that are."""
    while len(running) >= AT_ONCE:
        wait([process.sentinel for process in running])
        running = [process for process in running if not has_ended(process)]
    return running


def tried(chosen):
    """For each of the chosen, the place in BROKEN and the example that fails, a few at once."""
    found, running = FORK.SimpleQueue(), []
    with simulator() as ask:
        # Some of every kind: what SQL they need is compiled here once, and not in each process again.
        assert all(holds(example, ask) for example in EXAMPLES[::9]), "examples fail with nothing broken"
        gc.freeze()  # what was read is shared by all processes: none has to look through it, and so copy it
        for index in chosen:
            process = FORK.Process(target=try_one, args=(index, ask, found))
            process.start()
            running.append(process)
            running = with_room(running)
            while not found.empty():
                yield found.get()
        for process in running:
            process.join()
            has_ended(process)
        while not found.empty():
            yield found.get()


def main(words):
    """Try the rules, and say for each which example fails."""
    if wrong := [*out_of_date()]:
        print(*wrong, sep="\n")
        return True
    chosen = {n for n, broken in enumerate(BROKEN) if not words or any(w in broken.about for w in words)}
    if not chosen:
        print("No rule, and no file, holds", *words)
        return True
    unseen, began = set(chosen), time.monotonic()
    for index, example in tried(sorted(chosen)):
        print(f"{example or '-- NO EXAMPLE FAILS --':50} {BROKEN[index].about}", flush=True)
        if example:
            unseen.remove(index)
    print(f"{len(chosen) - len(unseen)} of {len(chosen)} are seen, in {time.monotonic() - began:.0f} s")
    for index in sorted(unseen):
        broken = BROKEN[index]
        print(f"\n{broken.about}\n  {broken.stands}\n  became {broken.becomes}")
    return bool(unseen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
