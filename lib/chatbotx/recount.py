"""The log of a second reading of part of a workspace, after the walk is over."""

from collections.abc import Iterable, Sequence

from lib.chatbotx.client import Client
from lib.chatbotx.progress import CrawlLog
from lib.chatbotx.schema import Answer
from lib.chatbotx.verdict import Range


class Recount(CrawlLog):
    """Counts all contacts of a second reading; passes on only those that had not come before."""

    def __init__(self, client: Client, log: CrawlLog) -> None:
        super().__init__(client, lambda contacts: None, lambda progress: None)
        self._log = log

    def take(self, answer: Answer, created: Iterable[str] = (), changed: int = 0) -> None:
        super().take(answer, created, changed)
        missed = {
            place: time
            for place, time in enumerate(created)
            if answer.contacts[place].id and not self._log.has(answer.contacts[place])
        }
        if missed:
            self._log.take(answer.only(list(missed)), missed.values())

    def count_page(self, answer: Answer) -> None:
        self._log.count_page(answer)

    def warn(self, sentence: str, doubtful: Sequence[Range] | None) -> None:
        self._log.warn(sentence, doubtful)
