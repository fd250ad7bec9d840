"""What is wrong with the settings, collected while they are read, so that all is told at once."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from lib.settings.checks import Check
from lib.settings.model import SettingsError

_NOT_TO_BE_MISSED = ("token", "base_url")


class Remarks:
    """`mistakes` keep the dashboard from being shown, `notes` are shown beside it. Both are
    sentences that name a key and never a value: it may be the token."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.notes: list[str] = []

    def raise_mistakes(self) -> None:
        """Raises SettingsError if there was a mistake."""
        if self.mistakes:
            raise SettingsError(self.mistakes)

    def checked(self, key: str, check: Check, value: object) -> Any:
        """What `check` makes of a value; None, and a mistake, if it cannot."""
        try:
            return check(str(value).strip())
        except ValueError as error:
            self.mistakes.append(f"{key} {error}")
            return None

    def ignore(
        self, name: str, key: str, known: Iterable[str], written: Callable[[str], str] = str
    ) -> None:
        """Notes a `key` that is unknown. It is a mistake where a typo might send the token
        elsewhere, or have made-up contacts taken for real ones."""
        hint = suggestion(name, known, written)
        if meant(name, known) in _NOT_TO_BE_MISSED:
            self.mistakes.append(f"{key} is not a setting. {hint}")
        else:
            self.notes.append(f"{key} is not a setting and is ignored. {hint}")


def suggestion(name: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """Says which of the `known` names was probably meant; `written` tells how they are spelt."""
    near = meant(name, known)
    if near is not None:
        return f"Did you mean {written(near)}?"
    return f"The settings are {', '.join(map(written, known))}."


def meant(name: str, known: Iterable[str]) -> str | None:
    """The one of the `known` names that is close to `name`, if any is."""
    return next(iter(difflib.get_close_matches(name, known, n=1)), None)
