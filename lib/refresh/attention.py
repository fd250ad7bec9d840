"""When somebody last looked at a workspace, and what follows for it."""

from collections.abc import Callable
from datetime import timedelta

QUIET_AFTER = timedelta(days=1)
"""Nobody has looked for so long: the workspace is fetched less often."""

RELEASED_AFTER = timedelta(hours=1)
"""Nobody has looked for so long: one that is spare need not be in memory."""


class Attention:
    """Of one workspace. One that `is_spare` is one of many; of a few, each counts as looked at when
    the server starts. `timer` gives seconds that pass whatever the clock is set to."""

    def __init__(self, timer: Callable[[], float], *, is_spare: bool) -> None:
        self._timer = timer
        self._is_spare = is_spare
        self._looked = None if is_spare else timer()

    def come(self) -> None:
        """Somebody looks."""
        self._looked = self._timer()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody has looked for long."""
        return self._is_missing(QUIET_AFTER)

    @property
    def is_unneeded(self) -> bool:
        """Whether the snapshot need not be in memory."""
        return self._is_spare and self._is_missing(RELEASED_AFTER)

    def _is_missing(self, span: timedelta) -> bool:
        looked = self._looked
        return looked is None or self._timer() - looked >= span.total_seconds()
