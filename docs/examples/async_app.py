"""Asynchronous code: every call that may reach the network or a file runs in a thread.

`connect` does no more than look for a `.dagctl.yaml`. A client is safe in several threads at once, and two tasks that
find the token about to expire renew it once.
"""

from __future__ import annotations

import asyncio

import dagctl


async def token(client: dagctl.Dagctl) -> str:
    """An access token that is fresh now. A renewal waits for the issuer, for 20 seconds at most."""
    tokens = await asyncio.to_thread(client.session.fresh)
    return tokens.access_token.reveal()


async def overview(client: dagctl.Dagctl) -> dict[str, bool]:
    """Which environments are open, asked side by side."""
    names = ["dev", "staging", "prod"]
    verdicts = await asyncio.gather(*(asyncio.to_thread(client.protection.ask, name) for name in names))
    return {name: verdict.allowed for name, verdict in zip(names, verdicts, strict=True)}


async def sign_in(client: dagctl.Dagctl, browser: dagctl.LoopbackBrowser, organization: str) -> None:
    """Sign in. When the task is cancelled, so is the sign-in: a thread does not end by itself."""
    try:
        await asyncio.to_thread(client.login, organization, browser=browser)
    finally:
        browser.cancel()


async def main() -> None:
    """What is open to me."""
    client = dagctl.connect()
    print(await overview(client))


if __name__ == "__main__":
    asyncio.run(main())
