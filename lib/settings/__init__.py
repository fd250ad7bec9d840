"""The operator's configuration, read and checked once when the process starts.

This is the public interface; the other modules of the package are private to it.
"""

from lib.settings.access import (
    Access,
    Closed,
    Expired,
    Foreign,
    Guests,
    Invited,
    NobodyInvited,
    NotInvited,
    Provider,
    Refusal,
    SignedOut,
    Unverified,
    Verdict,
    Welcome,
    admit,
    is_loopback,
    verdict,
)
from lib.settings.checks import OWN_ORIGIN, SHORTEST_KEY
from lib.settings.checks import engine as check_engine
from lib.settings.model import (
    BASES,
    Basis,
    ChosenEngine,
    Configuration,
    SecretsOutOfReach,
    Settings,
    SettingsError,
)
from lib.settings.notifications import (
    AlertRules,
    Chat,
    Mail,
    Notifications,
    Quiet,
    Recipient,
)
from lib.settings.reading import configuration, load, load_all, read_again, secrets_in_use
from lib.settings.sources import PREFIX, secrets_from_files

__all__ = [
    "BASES",
    "OWN_ORIGIN",
    "PREFIX",
    "SHORTEST_KEY",
    "Access",
    "AlertRules",
    "Basis",
    "Chat",
    "ChosenEngine",
    "Closed",
    "Configuration",
    "Expired",
    "Foreign",
    "Guests",
    "Invited",
    "Mail",
    "NobodyInvited",
    "NotInvited",
    "Notifications",
    "Provider",
    "Quiet",
    "Recipient",
    "Refusal",
    "SecretsOutOfReach",
    "Settings",
    "SettingsError",
    "SignedOut",
    "Unverified",
    "Verdict",
    "Welcome",
    "admit",
    "check_engine",
    "configuration",
    "is_loopback",
    "load",
    "load_all",
    "read_again",
    "secrets_from_files",
    "secrets_in_use",
    "verdict",
]
