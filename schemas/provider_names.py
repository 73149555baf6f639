"""The providers by name, as accounts, settings and keys in Redis have them."""

from typing import Final, Literal, get_args

Provider = Literal["mocean", "mycoolsms"]
PROVIDERS: Final[tuple[Provider, ...]] = get_args(Provider)
