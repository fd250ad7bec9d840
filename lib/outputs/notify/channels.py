"""Channel of a recipient: mail or chat, as configured."""

from datetime import datetime

from lib.outputs.deliveries import Outcome
from lib.outputs.message import Message
from lib.outputs.notify.attempt import within_time
from lib.settings.notifications import Mail, Recipient


def send(message: Message, to: Recipient, id_: str, now: datetime) -> Outcome:
    """Send the message once; `id_` is the delivery's ID. Never raises."""
    channel = to.channel
    if isinstance(channel, Mail):
        from lib.outputs.notify import mail

        return within_time(
            lambda attempt: mail.send(message, channel, id_, now, attempt), "The mail server"
        )
    from lib.outputs.notify import chat

    return within_time(lambda attempt: chat.send(message, channel, attempt), channel.service)
