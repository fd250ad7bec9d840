"""Writing to people: mails and chats, at the times set, each message once."""
