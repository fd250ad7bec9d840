"""Notifications by mail and chat, at the configured times, each message once."""
