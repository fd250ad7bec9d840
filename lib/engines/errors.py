"""What an engine outside of this process can fail with."""


class EngineError(Exception):
    """Why an engine gave no answer: a sentence for people, without addresses and paths."""
