"""Collect everything that is wrong with the settings, so that it can be reported at once."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from lib.settings.checks import Check
from lib.settings.model import SettingsError

_CRITICAL_KEYS = ("token", "base_url")


class Remarks:
    """Errors and warnings about settings.

    `mistakes` prevent the dashboard from being shown, `notes` are shown along with it. Both are
    sentences that name a key but never a value, which might be the token.
    """

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.notes: list[str] = []

    def raise_mistakes(self) -> None:
        """Raise SettingsError if there was a mistake."""
        if self.mistakes:
            raise SettingsError(self.mistakes)

    def checked(self, key: str, check: Check, value: object) -> Any:
        """The result of `check` for a value; None, and a mistake, if it raises ValueError."""
        try:
            return check(str(value).strip())
        except ValueError as error:
            self.mistakes.append(f"{key} {error}")
            return None

    def ignore(
        self, name: str, key: str, known: Iterable[str], written: Callable[[str], str] = str
    ) -> None:
        """Note that `key` is unknown and ignored.

        It is a mistake if it looks like a typo of a key that decides where the token goes, or
        whether the contacts shown are real or those of the demo.
        """
        hint = suggestion(name, known, written)
        if closest(name, known) in _CRITICAL_KEYS:
            self.mistakes.append(f"{key} is not a setting. {hint}")
        else:
            self.notes.append(f"{key} is not a setting and is ignored. {hint}")


def suggestion(name: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """A sentence that says which `known` name was probably meant; `written` formats a name."""
    near = closest(name, known)
    if near is not None:
        return f"Did you mean {written(near)}?"
    return f"The settings are {', '.join(map(written, known))}."


def closest(name: str, known: Iterable[str]) -> str | None:
    """The `known` name closest to `name`; None if none is close."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)
