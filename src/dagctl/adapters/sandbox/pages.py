"""The issuer's pages: sign-in, device code, and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from dagctl.adapters.platform_model.people import Person

STYLE = """\
:root{color-scheme:light dark;--paper:#f3f5f9;--card:#fff;--ink:#17202b;--soft:#586576;--line:#d9dfe7;--act:#2f5bd3;--on:#fff;
--pick:#eef3ff}
@media(prefers-color-scheme:dark){:root{--paper:#0e131a;--card:#171f29;--ink:#e9eef4;--soft:#a2afbf;--line:#2b3643;--act:#7ea2ff;
--on:#0b1220;--pick:#1b2740}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{width:min(26rem,100%);padding:2.25rem 2rem 1.75rem;background:var(--card);border:1px solid var(--line);border-radius:.9rem;
box-shadow:0 8px 28px rgb(0 0 0/.07)}
.tag{display:inline-block;padding:.15rem .6rem;border-radius:99px;background:var(--pick);color:var(--act);font-size:.78rem;
font-weight:600}
h1{margin:.9rem 0 .3rem;font-size:1.45rem;line-height:1.25;letter-spacing:-.01em}
p{margin:0 0 1.25rem;color:var(--soft)}
fieldset{margin:0 0 1.25rem;padding:0;border:0}
legend{margin-bottom:.5rem;padding:0;font-size:.85rem;font-weight:600}
label{display:flex;gap:.75rem;align-items:center;margin-bottom:.5rem;padding:.7rem .85rem;border:1px solid var(--line);
border-radius:.6rem;cursor:pointer}
label:has(:checked){border-color:var(--act);background:var(--pick)}
label small{display:block;color:var(--soft)}
input[type=radio]{accent-color:var(--act);width:1.05rem;height:1.05rem;margin:0;flex:none}
input[type=text]{width:100%;padding:.7rem .85rem;border:1px solid var(--soft);border-radius:.6rem;background:transparent;
color:inherit;font:inherit;letter-spacing:.12em;text-transform:uppercase}
.row{display:flex;gap:.6rem}
button{flex:1;padding:.72rem 1rem;border:1px solid var(--line);border-radius:.6rem;background:transparent;color:inherit;font:inherit;
font-weight:600;cursor:pointer}
button.main{border-color:var(--act);background:var(--act);color:var(--on)}
button:focus-visible,label:focus-within,input:focus-visible{outline:2px solid var(--act);outline-offset:2px}
footer{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.82rem;color:var(--soft)}
"""


def sign_in(people: Iterable[Person], hidden: Mapping[str, str], organization: str, suggested: Person | None) -> str:
    """The page that asks who signs in."""
    fields = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    return _page(
        "Sign in",
        f"""<form method="post" action="/authorize">
{fields}
<h1>Sign in to {escape(organization)}</h1>
<p>dagctl asks for access to your projects' state.</p>
{_choice(people, suggested)}
{_buttons("Sign in")}
</form>""",
    )


def device(people: Sequence[Person], user_code: str) -> str:
    """The page that takes a device's code (RFC 8628 section 3.3)."""
    return _page(
        "Connect a device",
        f"""<form method="post" action="/activate">
<h1>Connect a device</h1>
<p>Enter the code that the terminal shows, and only if you have started the sign-in there yourself.</p>
<fieldset><legend><span id="code">Code</span></legend>
<input type="text" name="user_code" value="{escape(user_code)}" aria-labelledby="code" autocomplete="off" autocapitalize="characters" spellcheck="false" required></fieldset>
{_choice(people, people[0])}
{_buttons("Connect")}
</form>""",
    )


def message(title: str, text: str) -> str:
    """A page with a message."""
    return _page(title, f'<div role="status"><h1>{escape(title)}</h1><p>{escape(text)}</p></div>')


def _choice(people: Iterable[Person], suggested: Person | None) -> str:
    rows = []
    for person in people:
        note = "not onboarded yet" if person.organization_id is None else ""
        note = note or ("protected environments are open to them" if person.excepted else "engineer")
        checked = " checked" if person == suggested else ""
        rows.append(
            f'<label><input type="radio" name="email" value="{escape(person.email)}"{checked}>'
            f"<span>{escape(person.email)}<small>{note}</small></span></label>"
        )
    return f"<fieldset><legend>Who are you?</legend>{''.join(rows)}</fieldset>"


def _buttons(act: str) -> str:
    return (
        '<div class="row"><button class="main" name="decision" value="allow">'
        f'{act}</button><button name="decision" value="deny">Refuse</button></div>'
    )


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · dagctl sandbox</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<span class="tag">dagctl sandbox</span>
{body}
<footer>An identity provider for trying things out. It runs on this machine, and asks for no password.</footer>
</main>
</body>
</html>
"""
