"""The vendors of tunnels. Apart from what talks to them, so that other commands need not load that."""

from enum import StrEnum


class Vendor(StrEnum):
    """Whose program makes the tunnel."""

    NGROK = "ngrok"
    CLOUDFLARED = "cloudflared"


class TunnelError(Exception):
    """There is no tunnel; the message is for people."""
