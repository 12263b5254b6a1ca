"""Charts as pictures: drawn on the server, readable on paper, light and dark by themselves.

A picture is an SVG of its own (`<img>`), so its styles are not the page's and break no policy. What it shows
stands in a table beside it too.
"""

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pygal
from flask import Response
from pygal.style import Style

# It adds a finder of modules in a form that Python no longer asks for, and warns of at each import.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

INK, SOFT, LINE = "#1d2433", "#535b6b", "#dcdfe5"
DARK = {"ink": "#e6e8ed", "soft": "#a9b0bd", "line": "#3a4150"}
# Colours of the page's tokens: accent, good, bad, and their dark counterparts.
LIGHT_COLOURS = ("#1f4b8f", "#2c6b4f", "#a3271c", "#9db4d8")
DARK_COLOURS = ("#8fb4ec", "#7fcca6", "#f0938a", "#4c6690")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
WIDE, NARROW = 640, 360


def _style(colours: Sequence[int], size: int) -> Style:
    return Style(
        background="transparent",
        plot_background="transparent",
        foreground=SOFT,
        foreground_strong=INK,
        foreground_subtle=LINE,
        colors=tuple(LIGHT_COLOURS[index] for index in colours),
        font_family=FONT,
        label_font_size=size,
        major_label_font_size=size,
        legend_font_size=size,
        value_font_size=size,
        guide_stroke_dasharray="none",
        major_guide_stroke_dasharray="none",
        opacity="1",
        stroke_width="0",
        transition="0s",
    )


def _colours(colours: Sequence[int]) -> str:
    """Faint guides, and the same colours for a dark screen; paper is never dark."""
    rules = "".join(
        f".color-{place}{{fill:{DARK_COLOURS[index]} !important;stroke:{DARK_COLOURS[index]} !important}}"
        for place, index in enumerate(colours)
    )
    return (
        f"inline:.guides .line{{stroke:{LINE} !important}}.axis > .line{{stroke:{SOFT} !important}}"
        "@media screen and (prefers-color-scheme: dark){"
        f"text{{fill:{DARK['soft']} !important}}.guides .line,.axis .line{{stroke:{DARK['line']} !important}}{rules}}}"
    )


def draw(
    kind: Callable[..., Any],
    series: Sequence[tuple[str, Sequence[Any]]],
    labels: Sequence[str],
    *,
    colours: Sequence[int],
    say: Callable[[Decimal], str],
    width: int = WIDE,
    height: int = 300,
    **options: Any,
) -> Response:
    """A chart of its own: `series` are a name and its values each, `say` how a value is written."""
    chart = kind(
        style=_style(colours, 13),
        css=["file://style.css", "file://graph.css", _colours(colours)],
        js=[],
        width=width,
        height=height,
        explicit_size=False,
        disable_xml_declaration=True,
        no_prefix=True,
        margin=4,
        spacing=8,
        show_legend=len(series) > 1,
        legend_at_bottom=True,
        legend_at_bottom_columns=1 if width < WIDE else 2,
        legend_box_size=10,
        max_scale=6 if width == WIDE else 3,
        formatter=lambda value: say(Decimal(str(value or 0))),
        value_formatter=lambda value: say(Decimal(str(value or 0))),
        truncate_label=-1,
        truncate_legend=-1,
        **options,
    )
    chart.add_xml_filter(_without_script)
    chart.x_labels = labels
    for name, values in series:
        chart.add(name, values)
    return Response(chart.render(), mimetype="image/svg+xml")


def _without_script(root: Any) -> Any:
    """Take out what only a script would use: its settings, and the words of its tooltips."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).rpartition("}")[2] in ("script", "desc"):
                parent.remove(child)
    return root


def bars(*args: Any, **kwargs: Any) -> Response:
    """Upright bars."""
    return draw(pygal.Bar, *args, **kwargs)


def stacked_bars(*args: Any, **kwargs: Any) -> Response:
    """Upright bars, one on the other."""
    return draw(pygal.StackedBar, *args, **kwargs)


def lying_bars(*args: Any, **kwargs: Any) -> Response:
    """Bars that lie, for names that are long."""
    return draw(pygal.HorizontalStackedBar, *args, **kwargs)
