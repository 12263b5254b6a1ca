"""How much a person does in a browser: what a job takes is counted as it is done."""

from typing import Any


class Hand:
    """A person's hand: each click and each field that is filled in counts."""

    def __init__(self) -> None:
        self.moves = 0

    def click(self, on: Any) -> None:
        """Click something."""
        self.moves += 1
        on.click()

    def fill(self, field: Any, text: str) -> None:
        """Fill a field in."""
        self.moves += 1
        field.fill(text)

    def choose(self, field: Any, label: str) -> None:
        """Choose from a list."""
        self.moves += 1
        field.select_option(label=label)

    def press(self, on: Any, key: str) -> None:
        """Press a key."""
        self.moves += 1
        on.press(key)
