"""The sources of settings: the environment, and the secrets files that Streamlit reads."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lib.settings.model import SecretsOutOfReach, SettingsError

PREFIX = "CHATBOTX_"
SECRETS_FILES = (Path.home() / ".streamlit/secrets.toml", Path(".streamlit/secrets.toml"))


def secrets_from_files(files: tuple[Path, ...] | None = None) -> dict[str, Any]:
    """The secrets of those `files` (default: SECRETS_FILES) that exist; later ones win.

    Raises SecretsOutOfReach for a file that cannot be opened, SettingsError for one that is not
    TOML.
    """
    secrets: dict[str, Any] = {}
    for file in SECRETS_FILES if files is None else files:
        try:
            secrets |= tomllib.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise SecretsOutOfReach(
                [
                    f"{file} cannot be read: it must be a file, and the account that the dashboard "
                    "runs under must be allowed to read it."
                ]
            ) from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            # The parser's message may quote the line that holds the token.
            raise SettingsError([f"{file} cannot be read as TOML: check its syntax."]) from None
    return secrets


def prefixed(environment: Mapping[str, str] | None, secrets: Mapping[str, Any]) -> dict[str, str]:
    """All entries with our prefix, their names without it and in lower case.

    The environment (default: the process's) wins over the secrets; a blank value counts as absent.
    """
    environment = os.environ if environment is None else environment
    return {
        key.removeprefix(PREFIX).lower(): str(value).strip()
        for source in (secrets, environment)
        for key, value in source.items()
        if key.startswith(PREFIX) and str(value).strip()
    }
