"""Simulation: `ringback up` without credentials runs both providers itself, and whatever sends here sends to them.

What they are asked with is in a file of the data folder, so that accounts of any number and name have some.
"""

import json
import socket
from typing import Final

from ringback.clients.configured import Configured, SendingSettings
from ringback.clients.credentials import table
from ringback.receiver.http.listen import BindError, bind
from ringback.run.home import Home
from ringback.schemas.callback_parameters import INSECURE_ACCOUNT
from ringback.schemas.local import url_of
from ringback.schemas.settings import PREFIX, Settings
from ringback.simulator.default_port import DEFAULT_PORT, HOST

_KEY: Final = "simulated"
_MOCEAN_NUMBER: Final = "60312345678"
_MYCOOLSMS_NUMBER: Final = "440987654321"


def listen() -> socket.socket:
    """Take the simulator's usual port, or any other where that is taken. Raises BindError."""
    try:
        return bind(HOST, DEFAULT_PORT)
    except BindError:
        return bind(HOST, 0)


def url_at(bound: socket.socket) -> str:
    """Return the URL of a simulator on this socket."""
    return url_of(HOST, bound.getsockname()[1])


def led_there(home: Home) -> dict[str, str]:
    """Return what leads a child to the simulator that has been announced."""
    sending = home.find_sending(SendingSettings.load())
    names = ("mocean_url", "mycoolsms_url", "credentials")
    return {PREFIX + name.upper(): str(getattr(sending, name)) for name in names}


def credentials_of(settings: Settings) -> str:
    """Return a file of credentials, as RINGBACK_CREDENTIALS names one. A simulator takes any."""
    keys = {
        "mocean": {
            "api_key": _KEY, "api_secret": _KEY, "sms_from": _MOCEAN_NUMBER, "whatsapp_from": _MOCEAN_NUMBER,
        },
        "mycoolsms": {"username": _KEY, "password": _KEY, "sms_from": _MYCOOLSMS_NUMBER},
    }  # fmt: skip
    accounts = dict.fromkeys([token.account for token in settings.tokens] or [INSECURE_ACCOUNT])
    return "\n".join(
        "\n".join([table(account, provider), *(f"{key} = {json.dumps(value)}" for key, value in given.items()), ""])
        for account in accounts
        for provider, given in keys.items()
    )


def is_simulated(configured: Configured) -> bool:
    """Whether what is sent goes to the simulator of a running `up` in the folder."""
    url = Home(configured.settings.data_dir).simulator()
    return url is not None and configured.sending.mocean_url.startswith(f"{url}/")


def configured_here(settings: Settings) -> Configured:
    """Return what is configured for sending, with the simulator of a running `up` in the folder where nothing is set.

    Raises SettingsError.
    """
    return Configured.load(settings, sending_here(settings))


def sending_here(settings: Settings) -> SendingSettings:
    """Return the settings of `configured_here`. Raises SettingsError."""
    return Home(settings.data_dir).find_sending(SendingSettings.load())
