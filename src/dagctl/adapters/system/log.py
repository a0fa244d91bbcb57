"""The log: `logging.getLogger("dagctl")`, told of only while somebody listens."""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import local

from dagctl.domain.values.text import printable

DEBUG, INFO = 10, 20
"""As in `logging`, which takes milliseconds to import. Where nobody has imported it, nobody listens."""


class _Thread(local):
    request_id = ""


HERE = _Thread()
"""`request_id` is what the platform calls the last request of this thread; "" if it does not say."""


def teller(level: int) -> Callable[[str], None] | None:
    """What puts a line into the log; None while nobody listens to that level.

    A line holds no control characters, no line breaks, and nothing that looks like a token.
    """
    get_logger = getattr(sys.modules.get("logging"), "getLogger", None)  # another thread may be importing it
    logger = get_logger("dagctl") if get_logger else None
    if logger is None or not logger.isEnabledFor(level):
        return None
    from dagctl.domain.values.tokens import without_tokens

    return lambda text: logger.log(level, "%s", printable(without_tokens(text), 1000))
