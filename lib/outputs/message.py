"""Messages, and how each channel marks them up. Names are always shown as plain text.

Names of tags, inboxes and channels are untrusted. HTML has escapes; in markups without escapes,
special characters are broken up or replaced by lookalikes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from lib.reference import formatting

LONGEST = 2900
"""Maximum of characters in a marked-up chat message: Slack allows 3,000 per block, Telegram
4,096."""

LONGEST_SUBJECT = 120


@dataclass(frozen=True)
class Text:
    """Plain text, possibly with untrusted names."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Link:
    """A link to the dashboard; `address` is its configured URL with our parameters."""

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
    """`html` and `plain` are for mail, `lines` for chat. The subject is plain text."""

    subject: str
    lines: tuple[Line, ...]
    plain: str
    html: str
    attachments: tuple[Attachment, ...] = ()


def text(value: str, *, strong: bool = False) -> Line:
    return (Text(value, strong),)


@dataclass(frozen=True)
class MarkUp:
    """Markup of a service for plain text, strong text and links; `escape` is applied first."""

    escape: Callable[[str], str]
    strong: Callable[[str], str]
    link: Callable[[str, str], str]
    paragraph: str = "\n"

    def write(self, lines: Sequence[Line], most: int = LONGEST) -> str:
        """As many lines as fit, with a note if some were left out."""
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
_BIDI_CONTROLS = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")


def one_line(value: str) -> str:
    """Text without line breaks and without bidirectional controls."""
    value = value.encode("utf-8", "replace").decode("utf-8")  # replaces lone surrogates
    return _CONTROLS.sub(" ", _BIDI_CONTROLS.sub("", value))


def subject(value: str) -> str:
    """Text that is safe as a mail header: one line, shortened, and without encoded words. A line
    break would start another header, and an encoded word may decode to one."""
    shown = formatting.shortened(one_line(value).strip(), LONGEST_SUBJECT)
    return shown.replace("=?", f"={_JOINER}?")


_JOINER = "\u2060"

_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_OUTER_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_BEGINS_BLOCK = re.compile(r"^(?=[#>+=-]|\d+[.)])")
_SHORTHAND = re.compile(
    r"(?<=:)(?=[\w+'-]+:)"  # :tada:
    r"|(?<=[@#!])(?=\w)"  # @everyone, #general, !here
    r"|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\w)(?=\.[a-z])"  # URLs, which become links
    r"|(?<=\])(?=[(\[])"  # [text](URL)
    r"|(?<=<)(?=/?at\b)"  # <at>, a mention in Teams
    r"|(?<=\\)",  # an escape
    re.IGNORECASE,
)
"""Each match is a position at which to insert a word joiner."""


def _neutralized(value: str) -> str:
    """Text without meaning to Slack's markup or Markdown.

    Slack has no escapes, and Teams supports only some of Markdown's, so special characters are
    replaced by lookalikes. An underscore within a word is literal in both.
    """
    shown = _SHORTHAND.sub(_JOINER, value).translate(_LOOKALIKES)
    return _BEGINS_BLOCK.sub(_JOINER, _OUTER_UNDERSCORE.sub("ˍ", shown))


def _slack(value: str) -> str:
    return escape(_neutralized(value), quote=False)


def _telegram(value: str) -> str:
    return escape(_SHORTHAND.sub(_JOINER, value), quote=True)


SLACK = MarkUp(_slack, lambda each: f"*{each}*", lambda each, to: f"<{_slack_address(to)}|{each}>")
TELEGRAM = MarkUp(
    _telegram,
    lambda each: f"<b>{each}</b>",
    lambda each, to: f'<a href="{escape(to, quote=True)}">{each}</a>',
)
TEAMS = MarkUp(
    _neutralized,
    lambda each: f"**{each}**",
    lambda each, to: f"[{each}]({_markdown_address(to)})",
    paragraph="\n\n",
)
PLAIN = MarkUp(lambda each: each, lambda each: each, lambda each, to: f"{each}: {to}")


def _slack_address(address: str) -> str:
    return address.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def _markdown_address(address: str) -> str:
    return address.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
