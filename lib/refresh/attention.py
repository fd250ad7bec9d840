"""Track when somebody last viewed a workspace, and what follows from that."""

from collections.abc import Callable
from datetime import timedelta

QUIET_AFTER = timedelta(days=1)
"""A workspace that nobody has viewed for this long is refreshed less often."""

RELEASED_AFTER = timedelta(hours=1)
"""A spare workspace that nobody has viewed for this long need not be in memory."""


class Attention:
    """When one workspace was last viewed.

    A workspace `is_spare` if there are many. If there are only a few, each counts as viewed when
    the server starts. `timer` returns the seconds of a monotonic clock.
    """

    def __init__(self, timer: Callable[[], float], *, is_spare: bool) -> None:
        self._timer = timer
        self._is_spare = is_spare
        self._looked = None if is_spare else timer()

    def note_view(self) -> None:
        """Note that somebody views the workspace."""
        self._looked = self._timer()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody has viewed it for `QUIET_AFTER`."""
        return self._is_unviewed_for(QUIET_AFTER)

    @property
    def is_unneeded(self) -> bool:
        """Whether the snapshot need not be in memory, as a spare one not viewed for an hour."""
        return self._is_spare and self._is_unviewed_for(RELEASED_AFTER)

    def _is_unviewed_for(self, span: timedelta) -> bool:
        looked = self._looked
        return looked is None or self._timer() - looked >= span.total_seconds()
