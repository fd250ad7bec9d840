"""Errors of engines other than memory."""


class EngineError(Exception):
    """Why an engine gave no answer: a sentence for users, without addresses or paths."""


class UnreadableByEngine(EngineError):
    """The engine cannot read the files of the store."""


def too_slow(name: str, seconds: float) -> EngineError:
    return EngineError(
        f"{name} had no answer within {seconds:g} seconds. Try again in a minute; whoever runs "
        "this dashboard can give it longer with CHATBOTX_ENGINE_SECONDS."
    )


def unreadable(name: str) -> UnreadableByEngine:
    return UnreadableByEngine(
        f"{name} cannot read the files of the store: see that it reaches the store under the same "
        "path or address as this dashboard. The next fetch writes them again."
    )


def disagrees(name: str, found: int, expected: int) -> EngineError:
    return EngineError(
        f"{name} finds {found} contacts where this data has {expected}, so none of its numbers is "
        "shown: see that it reads the same store as this dashboard, and all of it."
    )
