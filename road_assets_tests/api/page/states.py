"""Expressions that say in which state the page is, for tests that wait for it; and the sizes of screens."""

from typing import Final

ASKS_WHO: Final = "document.querySelector('#login').open"
ANSWERED: Final = "document.querySelector('#answer').checkVisibility()"
FOCUSED: Final = "document.activeElement.id"

PHONE: Final = {"width": 360, "height": 740}
DESKTOP: Final = {"width": 1280, "height": 800}
