"""Facts of operation, told once to whoever wants to be told, through Apprise.

An address is a secret and never written. Must not know what the facts are about.
"""

import hashlib
import json
import os
from importlib.util import find_spec
from pathlib import Path

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_json

TOLD = "notified.json"  # in the folder of a name's runs: the last fact of each kind that was told
MOST = 2_000  # characters of a message


def require_addresses(names: tuple[str, ...]) -> None:
    """Refuse, before an hour of training, to tell facts where nobody could be told.

    Raises:
        RequestError: Apprise is not installed, a variable is not set, or what it holds is no address.
    """
    if not names:
        return
    if find_spec("apprise") is None:
        raise RequestError("notify.urls needs Apprise; type pip install 'tradewinds[notify]', or leave it out")
    import apprise

    for name in names:
        if not os.environ.get(name):
            raise RequestError(f"notify.urls names {name}, and the environment has no such variable, or an empty one")
        if not apprise.Apprise().add(os.environ[name]):
            raise RequestError(
                f"notify.urls names {name}, and what that variable holds is no address that Apprise knows, such as "
                "mailto://user:password@host, slack://token or json://host/path"
            )


def tell(
    names: tuple[str, ...], folder: Path, *, kind: str, fact: str, title: str, text: str, console: Console
) -> bool:
    """Tell a fact, unless it is the last of its kind that was told; who cannot be told now is told at the next asking.

    Args:
        names: of environment variables that each hold an address.
        folder: of the runs of the model's name.
        kind: such as `promotion`, of which only the last fact is remembered.
        fact: what makes it another fact than the one before.
        title: one line.
        text: a sentence or some.
        console: where a failure is noted, without the address.

    Returns:
        Whether everybody was told it now.
    """
    if not names:
        return False
    told = _told(folder)
    missing = [name for name in names if told.get(_key(kind, name)) != fact]
    if not missing:
        return False
    import apprise

    reached = []
    for name in missing:
        post = apprise.Apprise()
        if post.add(os.environ.get(name, "")) and post.notify(title=title, body=text[:MOST]):
            reached.append(name)
        else:
            console.note(f"warning: nobody could be told at the address in {name}: {title}")
    if reached:
        write_json(folder / TOLD, {**told, **{_key(kind, name): fact for name in reached}})
    return reached == missing


def _key(kind: str, name: str) -> str:
    """Return by what a fact is remembered: an address that changes is told anew, and its secret stays out."""
    address = hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()[:12]
    return f"{kind} {name} {address}"


def _told(folder: Path) -> dict[str, str]:
    try:
        told = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
