"""The pages that the loopback listener serves: no script, no external resource, all text escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape

from dagctl.ports.browser import Page

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f4f6f8; --card: #fff; --ink: #16202c; --soft: #52606f; --line: #e1e6ec;
  --mark: #0d7a55; --tint: #e2f4ec;
}
.bad { --mark: #b3261e; --tint: #fcebe9; }
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0e1319; --card: #171e27; --ink: #e9eef4; --soft: #a5b2c1; --line: #29333f;
    --mark: #52cda0; --tint: #14342a;
  }
  .bad { --mark: #ff8f85; --tint: #3d1e1c; }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 1.5rem; display: grid; align-content: center; justify-items: center;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
main {
  position: relative; overflow: hidden; width: min(29rem, 100%); padding: 2.5rem 2.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; box-shadow: 0 .75rem 2.5rem -1rem rgb(0 0 0 / .22);
}
main::before { content: ""; position: absolute; inset: 0 0 auto; height: .25rem; background: var(--mark); }
svg {
  display: block; width: 3.25rem; height: 3.25rem; padding: .8rem; border-radius: 50%;
  background: var(--tint); color: var(--mark);
}
h1 { margin: 1.4rem 0 .5rem; font-size: 1.5rem; font-weight: 650; line-height: 1.25; overflow-wrap: anywhere; }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere; text-wrap: pretty; }
p + p { margin-top: 1.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--ink); }
span { white-space: nowrap; }
footer { margin-top: 1.25rem; font-size: .875rem; color: var(--soft); }
b { font-weight: 650; color: var(--ink); }
@media (max-width: 24rem) { main { padding: 1.75rem 1.5rem; } }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of every page."""

_TICK = '<path d="M4.5 12.5l5 5L19.5 7"/>'
_MARK = '<path d="M12 3.5v10.5M12 19.9v.1"/>'


def render(page: Page) -> bytes:
    """`page` as HTML, in UTF-8."""
    kind, role, sign = ("good", "status", _TICK) if page.ok else ("bad", "alert", _MARK)
    paragraphs = "\n".join(f"<p>{_prose(text)}</p>" for text in (page.text, page.next_step) if text)
    return f"""<!doctype html>
<html lang="en" class="{kind}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(page.title)} · dagctl</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round"
 stroke-linejoin="round" aria-hidden="true">{sign}</svg>
<div role="{role}">
<h1>{escape(page.title)}</h1>
{paragraphs}
</div>
</main>
<footer><b>dagctl</b> on this machine</footer>
</body>
</html>
""".encode()


def _prose(text: str) -> str:
    """Text as HTML. Lines do not break within an option's name, so that it can be copied."""
    return re.sub(r"--[\w-]+", r"<span>\g<0></span>", escape(text))
