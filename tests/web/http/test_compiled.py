"""What a page writes is escaped as Jinja escapes it."""

from decimal import Decimal
from enum import StrEnum

import pytest
from jinja2 import Environment, StrictUndefined, Undefined
from jinja2.exceptions import UndefinedError
from markupsafe import Markup

from portal.web.http.compiled import SHORT, Writing

SAYS = """{% macro cell(it) %}<td title="{{ it }}">{{ it }}{{ caller() if caller }}</td>{% endmacro %}
{{ it }}|{{ it ~ "<" }}|{{ cell(it) }}|{% call cell(it) %}{{ it }}{% endcall %}|{% set told %}{{ it }}{% endset %}
{{ told }}|{{ it|string|upper }}|{% filter upper %}{{ it }}{% endfilter %}|{{ it|safe }}|{{ cell(it)|escape }}"""


class Word(StrEnum):
    IS = "<is>"


class Page:
    def __html__(self):
        return "<b>&amp;</b>"


def both(undefined=Undefined):
    """Jinja's own, and ours."""
    environments = [Environment(autoescape=True, undefined=undefined) for _ in range(2)]
    environments[1].template_class = Writing
    return environments


VALUES = (
    "", "<a href=\"?x&y\">O'Neil</a>", "&<" * SHORT, Markup("<i>&amp;</i>"), Markup("<u>") * SHORT, Word.IS, Page(),
    None, 0, True, Decimal("-1.50"), ["<", Markup("<")], Undefined(),
)  # fmt: skip


@pytest.mark.parametrize("it", VALUES, ids=lambda it: type(it).__name__)
def test_each_value_is_written_as_jinja_writes_it(it):
    own, ours, again = (of.from_string(SAYS).render(it=it) for of in (*both(), both()[1]))
    assert own == ours == again


def test_what_is_not_there_is_an_error_in_ours_too():
    for environment in both(StrictUndefined):
        with pytest.raises(UndefinedError):
            environment.from_string("{{ nothing }}").render()
