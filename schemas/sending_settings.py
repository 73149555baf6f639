"""Names of the settings for sending: known here so that a mistyped one is refused, read by the clients alone.

`Settings` never reads their values: a receiver, which has `Settings`, has no credentials of a provider.
"""

from typing import Final

SECRET_SENDING: Final = (
    "mocean_api_key",
    "mocean_api_secret",
    "mocean_api_token",
    "mycoolsms_username",
    "mycoolsms_password",
)
"""Those that are credentials."""
SENDING: Final = (*SECRET_SENDING, "credentials", "mocean_url", "mycoolsms_url", "send_timeout", "send_rate")
"""All of them, by their names without `RINGBACK_`, in the order in which they are shown."""
NOT_FOR_RECEIVERS: Final = frozenset(f"RINGBACK_{name.upper()}" for name in (*SECRET_SENDING, "credentials"))
"""The variables that no process gets which does not send."""
