"""Rows by words: by how their texts begin, and by any part of them; read by an index whatever is typed.

Words of three letters and more are found anywhere, by their threes (portal.services.parts). Shorter ones are found
where a word begins: two letters behind a space are three, too, and the first word begins the text itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, or_, select, union_all

from portal.domain.searching import Typed
from portal.extensions import db
from portal.services.parts import INDEXED, LETTERS, begins, threes_of, with_threes
from portal.services.search.hits import LOOKED_AT

# Of words that are all short so many are tried as the first of a name: whoever types more types the first early.
TRIED_FIRST = 6


def ids_with_words(model: Any, typed: Typed, *other_ways: Select[Any]) -> tuple[set[int], bool]:
    """The rows one of whose texts holds each word: LOOKED_AT of each way to find them, and whether there are more.

    `other_ways` are further queries of ids, asked in the same statement.

    A row may not fit on a closer look: which words belong together is for who asks.
    """
    if not typed.words:
        return set(), False
    return ids_of([_begins_with_all(model, typed), *_ways(model, typed), *other_ways])


def ids_of(ways: Sequence[Select[Any]]) -> tuple[set[int], bool]:
    """What queries of ids find, LOOKED_AT each, in one statement; and whether one of them finds more."""
    found = ids_of_each(ways, LOOKED_AT + 1)
    more = any(len(ids) > LOOKED_AT for ids in found)
    return {id for ids in found for id in ids[:LOOKED_AT]}, more


def ids_of_each(ways: Sequence[Select[Any]], most: int) -> list[list[int]]:
    """What each of some queries of ids finds, `most` each, in one statement."""
    some = [way.limit(most).subquery() for way in ways]
    whole = union_all(*(select(literal(number), one.c[0]) for number, one in enumerate(some)))
    found: list[list[int]] = [[] for _ in ways]
    for number, id in db.session.execute(whole):
        found[number].append(id)
    return found


def _begins_with_all(model: Any, typed: Typed) -> Select[Any]:
    """Names that begin with all that was typed, by name."""
    query = select(model.id).where(begins(model.search_key, typed.phrase))
    return query.order_by(model.search_key, model.id)


def _ways(model: Any, typed: Typed) -> Iterator[Select[Any]]:
    words = typed.words
    if long := [word for word in words if len(word) >= LETTERS]:
        threes = set().union(*map(threes_of, long))
        yield with_threes(model, threes, model.id).where(*(holds_letters(model, word) for word in words))
        return
    if all(len(word) == LETTERS - 1 for word in words):
        threes = {f" {word}" for word in words}
        yield with_threes(model, threes, model.id).where(*(holds_letters(model, three) for three in threes))
    if len(words) == 1:
        return
    for first in words[:TRIED_FIRST]:
        others = (model.search_key.contains(f" {word}", autoescape=True) for word in words if word != first)
        names = select(model.id).where(begins(model.search_key, first), *others)
        yield names.order_by(model.search_key, model.id)


def holds_letters(model: Any, part: str) -> ColumnElement[bool]:
    """Whether one of a row's texts holds a part, as it is looked at row by row."""
    return or_(*(text.contains(part, autoescape=True) for text in INDEXED[model]))
