"""A desktop tool: its session is in its own folder, it opens the browser itself, and it has a Cancel button."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import dagctl
from dagctl.errors import DagctlError, SignInCancelled

PORT = 8080  # of the redirect URI that the issuer has registered for this program


class SignIn:
    """One sign-in, which waits in a thread of its own while the window stays alive.

    Args:
        folder: where the tool keeps its session; no other program sees it.
        show: puts a line into the window. Called from the sign-in's thread.
        open_browser: opens a page; returns whether it could.
        port: the port that receives the browser's answer.
    """

    def __init__(
        self,
        folder: Path,
        show: Callable[[str], None],
        open_browser: Callable[[str], bool] = webbrowser.open,
        port: int = PORT,
    ) -> None:
        self.client = dagctl.connect(storage=folder)
        self._show = show
        self._browser = dagctl.LoopbackBrowser(port=port, opener=open_browser, announce=show)
        self._thread = Thread(target=self._run, daemon=True)

    def start(self, organization: str, api_url: str | None = None) -> None:
        """What the button Sign in does."""
        self._organization, self._api_url = organization, api_url
        self._thread.start()

    def cancel(self) -> None:
        """What the button Cancel does: the thread ends, and the port is free."""
        self._browser.cancel()
        self._thread.join()

    def wait(self) -> None:
        """Return when the sign-in has ended."""
        self._thread.join()

    def _run(self) -> None:
        try:
            signed_in = self.client.login(self._organization, api_url=self._api_url, browser=self._browser)
            self._show(f"Signed in as {signed_in.identity.email}.")
        except SignInCancelled:
            self._show("Cancelled.")
        except DagctlError as error:
            self._show(error.message)


if __name__ == "__main__":
    sign_in = SignIn(Path.home() / ".my-tool", print)
    sign_in.start("acme")
    try:
        sign_in.wait()
    except KeyboardInterrupt:
        sign_in.cancel()
