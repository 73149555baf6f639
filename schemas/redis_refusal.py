"""The word by which a Redis server refuses a command: `OOM`, `READONLY`, …, also where a script failed of it.

Redis 7 and Valkey begin the error with the word. Redis 6.2 wraps what a script failed of: `ERR Error running script
(call to f_…): @user_script:14: @user_script: 14: -OOM command not allowed …`. What a script lacks the permission for is
refused without a word by all of them.
"""

import re
from typing import Final

READ_ONLY: Final = "READONLY"
NO_PERMISSION: Final = "NOPERM"
_WRAPPED: Final = re.compile(r"Error running script \(call to \w+\): (?:@user_script: ?\d+: )*-([A-Z]+) ")
_NOT_PERMITTED: Final = ("ACL failure in script: ", "The user executing the script can't ")


def refusal_of(code: str | None, message: str) -> str:
    """Return the word of an error reply.

    `code` is the first word, where the client library has taken it off the `message` (`ERR` included); else None.
    """
    if code not in (None, "ERR"):
        return code
    if found := _WRAPPED.match(message.removeprefix("ERR ")):
        return found[1]
    if any(words in message for words in _NOT_PERMITTED):
        return NO_PERMISSION
    return message.partition(" ")[0]
