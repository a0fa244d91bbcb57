"""What every refusal has to look like, and the search for token material in all that can be seen."""

from __future__ import annotations

import re

from tests.adapters.http.far_platform import AUTHORIZE, TOKEN
from tests.e2e.refusals.material import told_by
from tests.e2e.refusals.platform import ScriptedPlatform
from tests.e2e.refusals.somebody import Ending
from tests.tracebacks import variables_of


def without_url(platform: ScriptedPlatform, text: str) -> str:
    """`text` without the authorization URL, which people have to see, with all that is in it."""
    for seen in platform.issuer.seen:
        if seen.target.startswith(AUTHORIZE):
            url = f"{platform.issuer.url}{seen.target}"
            assert platform.material.found_in(url) <= {"state", "nonce"}
            text = text.replace(url, "URL")
    return text


def refused(platform: ScriptedPlatform, ending: Ending, words: str, *, code: int = 1) -> None:
    """Assert that a run ended with a refusal: one sentence, nothing saved, nothing secret to be seen.

    Args:
        words: what the sentence and its cure have to match.
    """
    said = one_sentence(platform, ending)
    assert re.search(words, said), said
    assert ending.code == code, ending.code
    assert ending.after == ending.before, (ending.before, ending.after)
    nothing_shows(platform, ending)


def nothing_shows(platform: ScriptedPlatform, ending: Ending) -> None:
    """Assert that no token material is to be seen anywhere, but in `auth.json`."""
    kinds = platform.material.kinds()
    if TOKEN in platform.paths(platform.issuer):
        assert kinds >= {"state", "nonce", "code", "verifier"} if platform.asked else kinds, kinds
    found = leaks(platform, ending)
    assert found == {}, found


def leaks(platform: ScriptedPlatform, ending: Ending) -> dict[str, set[str]]:
    """Where token material is to be seen that has no business there, and whose.

    State and nonce may be variables: they stand in the address that the person is shown.
    """
    seen_by_others = [
        *(seen.target for seen in platform.api.seen),
        *(seen.target for seen in platform.issuer.seen if not seen.target.startswith(AUTHORIZE)),
        *(seen.body for seen in platform.api.seen),
        *(str({**seen.headers, "authorization": ""}) for seen in platform.api.seen),
        *(str(seen.headers) for seen in platform.issuer.seen),
    ]
    views = {
        "stdout": ending.out,
        "stderr": without_url(platform, ending.err),
        "the browser": "".join(text for _, text in ending.pages),
        "the log": ending.log,
        "the error": told_by(ending.error),
        "elsewhere": without_url(platform, ending.others),
        "the far side": "\n".join(seen_by_others),
        **{name: f"{name} {content.decode()}" for name, (_, content) in ending.after.items() if name != "auth.json"},
    }
    found = {where: platform.material.found_in(text) for where, text in views.items()}
    bearers = "\n".join(seen.headers.get("authorization", "") for seen in platform.api.seen)
    found["variables"] = platform.material.found_in(variables_of(ending.error)) - {"state", "nonce"}
    found["bearers"] = platform.material.found_in(bearers) - {"ID token"}
    return {where: names for where, names in found.items() if names}


def one_sentence(platform: ScriptedPlatform, ending: Ending) -> str:
    """The sentence that a run ended with, and the cure below it, once it is seen that there is nothing else."""
    assert ending.out == "", ending.out
    said = without_url(platform, ending.err).removeprefix(
        "Sign in with your browser. If it does not open by itself, open this address:\n\n  URL\n\n"
    )
    assert all(character.isprintable() or character == "\n" for character in ending.err), repr(ending.err)
    sentence, *hints = said.splitlines()
    assert sentence.startswith("dagctl: "), said
    assert sentence.endswith("."), said
    assert len(sentence) < 500, said
    assert len(hints) <= 1, said
    assert all(hint.startswith("  ") and hint.strip() for hint in hints), said
    return said
