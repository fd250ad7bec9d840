"""A message, and how each channel writes it. Whatever a name holds, it is shown as text.

Names of tags, inboxes and channels are data from strangers. HTML has escapes; where a mark-up has
none, what it would read as its own is broken, or replaced by what looks like it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from lib.reference import formatting

LONGEST = 2900
"""Characters of a chat message as it is written: Slack takes 3,000 in a block, Telegram 4,096."""

LONGEST_SUBJECT = 120


@dataclass(frozen=True)
class Text:
    """Plain text, which may hold what strangers wrote."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Link:
    """`address` is one of ours: of the dashboard as the operator gave it, and our parameters."""

    text: str
    address: str


Part = Text | Link
Line = tuple[Part, ...]


@dataclass(frozen=True)
class Attachment:
    name: str
    kind: str
    data: bytes


@dataclass(frozen=True)
class Message:
    """`html` and `plain` are for mails, `lines` for chats. The subject is plain text."""

    subject: str
    lines: tuple[Line, ...]
    plain: str
    html: str
    attachments: tuple[Attachment, ...] = ()


def text(value: str, *, strong: bool = False) -> Line:
    return (Text(value, strong),)


@dataclass(frozen=True)
class MarkUp:
    """How a service writes a plain text, a strong one and a link; `escape` is applied first."""

    escape: Callable[[str], str]
    strong: Callable[[str], str]
    link: Callable[[str, str], str]
    paragraph: str = "\n"

    def write(self, lines: Sequence[Line], most: int = LONGEST) -> str:
        """The lines that fit; what is left out is said."""
        written: list[str] = []
        length = 0
        left_out = self.escape("… more is on the dashboard.")
        for line in lines:
            one = "".join(map(self._part, line))
            length += len(one) + len(self.paragraph)
            if length > most - len(left_out):
                written.append(left_out)
                break
            written.append(one)
        return self.paragraph.join(written)

    def _part(self, part: Part) -> str:
        shown = self.escape(formatting.shortened(one_line(part.text), 600))
        if isinstance(part, Link):
            return self.link(shown, part.address)
        return self.strong(shown) if part.strong and shown else shown


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UNSEEN = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def one_line(value: str) -> str:
    """Without breaks, and without what changes the direction of what comes after."""
    value = value.encode("utf-8", "replace").decode("utf-8")  # no half of a pair
    return _CONTROLS.sub(" ", _UNSEEN.sub("", value))


def subject(value: str) -> str:
    """A text within the head of a mail: one line, not too long, and no encoded word of its own. A
    break would begin another head, and what an encoded word stands for may hold one."""
    shown = formatting.shortened(one_line(value).strip(), LONGEST_SUBJECT)
    return shown.replace("=?", f"={_JOINER}?")


_JOINER = "\u2060"

_LOOKS_LIKE = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_OUTER_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_BEGINS_BLOCK = re.compile(r"^(?=[#>+=-]|\d+[.)])")
_SHORTHAND = re.compile(
    r"(?<=:)(?=[\w+'-]+:)"  # :tada:
    r"|(?<=[@#!])(?=\w)"  # @everyone, #general, !here
    r"|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\w)(?=\.[a-z])"  # addresses, which become links
    r"|(?<=\])(?=[(\[])"  # [text](address)
    r"|(?<=<)(?=/?at\b)"  # <at>, by which Teams calls somebody
    r"|(?<=\\)",  # an escape
    re.IGNORECASE,
)
"""Each match is a place to break it by a character of no width."""


def _unmarked(value: str) -> str:
    """Text that neither Slack's mark-up nor Markdown reads as anything else.

    Slack has no escapes, and Teams knows only some of Markdown's, so stars and the like are
    replaced by what looks like them. An underscore within a word is one in both.
    """
    shown = _SHORTHAND.sub(_JOINER, value).translate(_LOOKS_LIKE)
    return _BEGINS_BLOCK.sub(_JOINER, _OUTER_UNDERSCORE.sub("ˍ", shown))


def _slack(value: str) -> str:
    return escape(_unmarked(value), quote=False)


def _telegram(value: str) -> str:
    return escape(_SHORTHAND.sub(_JOINER, value), quote=True)


SLACK = MarkUp(_slack, lambda each: f"*{each}*", lambda each, to: f"<{_slack_address(to)}|{each}>")
TELEGRAM = MarkUp(
    _telegram,
    lambda each: f"<b>{each}</b>",
    lambda each, to: f'<a href="{escape(to, quote=True)}">{each}</a>',
)
TEAMS = MarkUp(
    _unmarked,
    lambda each: f"**{each}**",
    lambda each, to: f"[{each}]({_markdown_address(to)})",
    paragraph="\n\n",
)
PLAIN = MarkUp(lambda each: each, lambda each: each, lambda each, to: f"{each}: {to}")


def _slack_address(address: str) -> str:
    return address.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _markdown_address(address: str) -> str:
    return address.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
