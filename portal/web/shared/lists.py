"""What a list's address says: what is searched for, how it is filtered and sorted, and where one is in it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask import request

from portal.web.http.bounds import row_id

TEXT_LONGEST = 200


@dataclass(frozen=True, slots=True)
class ListState:
    """The state of a list. `kept` holds what a link away from it must carry to come back."""

    text: str
    sort: str
    after: int | None
    before: int | None
    filters: dict[str, str]
    kept: dict[str, Any]

    def __getitem__(self, name: str) -> str:
        return self.filters[name]


def list_state(sorts: Collection[str], **filters: Collection[str]) -> ListState:
    """Read the address. Of every filter's values, the first is taken where the address names none of them.

    An empty collection lets every value through.
    """
    args = request.args
    chosen = {}
    for name, values in filters.items():
        value = args.get(name, "")[:TEXT_LONGEST]
        chosen[name] = value if not values or value in values else next(iter(values))
    sort = args.get("sort", "")
    names = ("q", "sort", "after", "before", *filters)
    return ListState(
        text=args.get("q", "").strip()[:TEXT_LONGEST],
        sort=sort if sort in sorts else next(iter(sorts)),
        after=args.get("after", type=row_id),
        before=args.get("before", type=row_id),
        filters=chosen,
        kept={name: args[name] for name in names if args.get(name)},
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a list, by its number: its lines are those from `first` to before `until`."""

    number: int
    pages: int
    first: int
    until: int


def numbered(count: int, of_a_page: int) -> Place:
    """The page that the address asks for; the nearest, where there is none such."""
    pages = max(-(-count // of_a_page), 1)
    number = min(max(request.args.get("page", 1, type=row_id), 1), pages)
    return Place(number, pages, (number - 1) * of_a_page, number * of_a_page)
