"""What the operator configured. It is read and checked once, when the process starts."""

from lib.settings.access import (
    Access,
    Closed,
    Expired,
    Guests,
    Invited,
    NobodyInvited,
    NotInvited,
    Refusal,
    SignedOut,
    Unverified,
    Verdict,
    Welcome,
    admit,
    is_local,
    is_loopback,
    verdict,
)
from lib.settings.checks import OWN_ORIGIN
from lib.settings.model import (
    BASES,
    Basis,
    Configuration,
    SecretsOutOfReach,
    Settings,
    SettingsError,
)
from lib.settings.reading import configuration, load, load_all, read_again
from lib.settings.sources import PREFIX, secrets_from_files

__all__ = [
    "BASES",
    "OWN_ORIGIN",
    "PREFIX",
    "Access",
    "Basis",
    "Closed",
    "Configuration",
    "Expired",
    "Guests",
    "Invited",
    "NobodyInvited",
    "NotInvited",
    "Refusal",
    "SecretsOutOfReach",
    "Settings",
    "SettingsError",
    "SignedOut",
    "Unverified",
    "Verdict",
    "Welcome",
    "admit",
    "configuration",
    "is_local",
    "is_loopback",
    "load",
    "load_all",
    "read_again",
    "secrets_from_files",
    "verdict",
]
