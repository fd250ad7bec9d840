"""Which contacts came in which pass over a workspace, in what version: compact, for millions.

Where a server sorts, a crawl remembers only the last contacts of each slice. Where it does not,
any contact may come again at any time, so all have to be remembered.
"""

from array import array

_LEAST = 1 << 10
"""Number of slots at first; doubled whenever three quarters of them are taken."""


class Sightings:
    """A hash table by contact ID, of 24 to 48 bytes a contact. A dictionary, a counter and a set
    for each pass take 340 after two passes, and 780 after six.

    IDs are told apart by their 64-bit hashes: among 10,000,000, two have the same one with a
    probability of 3 in a million.
    """

    def __init__(self) -> None:
        self._make(_LEAST)
        self._contacts = 0
        self._pass = 0
        self.found = 0
        """Number of contacts that came in this pass."""
        self.found_again = 0
        """Number of those that came in the pass before as well."""

    def _make(self, slots: int) -> None:
        self._keys = array("q", bytes(8 * slots))  # 0 for a free slot
        self._versions = array("q", bytes(8 * slots))
        self._times, self._last = bytearray(slots), bytearray(slots)

    def __len__(self) -> int:
        return self._contacts

    def get(self, contact: str) -> int | None:
        """The fingerprint of a contact; None if it has not come yet."""
        slot = self._slot(_key(contact))
        return self._versions[slot] if self._keys[slot] else None

    def __setitem__(self, contact: str, version: int) -> None:
        key = _key(contact)
        slot = self._slot(key)
        if not self._keys[slot]:
            if 4 * self._contacts >= 3 * len(self._keys):
                self._grow()
                slot = self._slot(key)
            self._keys[slot] = key
            self._contacts += 1
        self._versions[slot] = version

    def begin_pass(self) -> None:
        """Begin the next pass, of 255 at most."""
        self._pass += 1
        self.found = self.found_again = 0

    def came(self, contact: str) -> bool:
        """Whether a contact has come in this pass."""
        return self._last[self._slot(_key(contact))] == self._pass

    def note(self, contact: str) -> None:
        """Note that a contact, whose version is known, has come in this pass."""
        slot = self._slot(_key(contact))
        if self._last[slot] != self._pass:
            self.found += 1
            self.found_again += self._pass > 1 and self._last[slot] == self._pass - 1
            self._last[slot] = self._pass
            self._times[slot] += 1

    def came_times(self, passes: int) -> int:
        """Number of contacts that came in so many passes, at least one."""
        return self._times.count(passes)

    def _slot(self, key: int) -> int:
        """The slot of a key, or the free one for it."""
        keys = self._keys
        mask = len(keys) - 1
        slot = key & mask
        while keys[slot] not in (0, key):
            slot = slot + 1 & mask
        return slot

    def _grow(self) -> None:
        keys, versions, times, last = self._keys, self._versions, self._times, self._last
        self._make(2 * len(keys))
        for old, key in enumerate(keys):
            if key:
                slot = self._slot(key)
                self._keys[slot], self._versions[slot] = key, versions[old]
                self._times[slot], self._last[slot] = times[old], last[old]


def _key(contact: str) -> int:
    return hash(contact) or 1
