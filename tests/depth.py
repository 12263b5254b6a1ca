"""How much is tried: of what is made up some in `make test`, and more with --deep, as .ci/run asks for.

What is claimed is the same. Whoever makes things up (seeds, generated inputs, replayed portfolios) says both numbers.
"""

from typing import Any

is_deep = False  # as the command line says, before any test is imported


def tries(usual: Any, deep: Any) -> Any:
    """How many are tried here, or which."""
    return deep if is_deep else usual
