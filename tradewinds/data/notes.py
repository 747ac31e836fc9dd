"""What was noticed of data, one sentence each, with what it is about: notes are texts to all who print them."""

from typing import Literal

Subject = Literal["repair", "jump", "hole", "columns", "layout", "universe", "doubt"]


class Note(str):
    """A sentence on what stands in a file, a mend, a move, a hole, the columns, the layout, a universe, or a doubt.

    A doubt is what the results are not to be read without: it is told with them once more.

    Other notes are plain texts.

    Attributes:
        about: which of these.
    """

    about: Subject
    __slots__ = ("about",)

    def __new__(cls, text: str, about: Subject) -> "Note":
        """Return the text as a note on a subject."""
        note = super().__new__(cls, text)
        note.about = about
        return note

    def __getnewargs__(self) -> tuple[str, Subject]:  # type: ignore[override]  # a str's are one
        """Return what another process makes it again of."""
        return str(self), self.about


def about(notes: tuple[str, ...], subject: Subject) -> tuple[str, ...]:
    """Return the notes on a subject, as plain texts."""
    return tuple(str(note) for note in notes if isinstance(note, Note) and note.about == subject)


def of(owner: str, note: str) -> str:
    """Return a note with the name of the instrument it is on before it."""
    text = f"{owner}: {note}"
    return Note(text, note.about) if isinstance(note, Note) else text
