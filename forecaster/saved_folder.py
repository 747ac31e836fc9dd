"""A folder of files that belong together: written whole or not at all, and refused where one is another since.

Knows files and their checksums; not what is in them.
"""

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FILES = "files"  # sha256 of the others, in the file that is written last


def write_whole(folder: Path, name: str, facts: Mapping[str, Any], write: Callable[[Path], None]) -> None:
    """Write files, and facts as JSON, into a folder, made if need be; what it holds is replaced when all is written.

    Args:
        folder: where.
        name: of the file of the facts: without it nothing is there.
        facts: what JSON can say.
        write: writes the other files into a folder.

    Raises:
        ValueError: `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"'{folder}' is a file, and a folder is written; name another")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as made:
        partial = Path(made)
        write(partial)
        sums = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
        (partial / name).write_text(json.dumps({**facts, FILES: sums}, indent=1) + "\n", encoding="utf-8")
        (folder / name).unlink(missing_ok=True)  # whoever is cut off here leaves none, and no mixture of two
        for file in (*sums, name):
            (partial / file).replace(folder / file)


def read_whole(folder: Path, name: str) -> dict[str, Any]:
    """Return the facts that `write_whole` wrote, of files that are as they were then.

    Raises:
        ValueError: nothing was written there, or a file is gone or another since; it is named.
    """
    try:
        facts = json.loads((folder / name).read_text(encoding="utf-8"))
        changed = [file for file, sha256 in facts[FILES].items() if _sha256(folder / file) != sha256]
    except (FileNotFoundError, NotADirectoryError) as fault:
        lost = Path(str(fault.filename)).name
        raise ValueError(f"'{folder}' holds no {lost}; give a folder that save wrote") from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise ValueError(f"{name} of '{folder}' is damaged; save it anew") from None
    if changed:
        raise ValueError(f"{changed[0]} of '{folder}' is not what was saved there; save it anew")
    return {key: value for key, value in facts.items() if key != FILES}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
