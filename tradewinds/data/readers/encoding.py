"""Bytes into text: UTF-8 and UTF-16 with or without their marks, and what Windows writes where it writes umlauts."""

import codecs
import re

from tradewinds.core.errors import RequestError

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
WESTERN = set(
    "äöüÄÖÜßáàâåéèêëíìîïóòôúùûñçÁÀÂÅÉÈÊËÍÎÏÓÔÚÛÑÇ°€£¥§²³µ·\u2013\u2019\xa0ºªæøÆØ¡¿"
)  # what a table written by hand may hold


def text_of(name: str, content: bytes) -> tuple[str, str]:
    """Return a file's text, its lines ended by line feeds, and its encoding.

    Raises:
        RequestError: it is no text, empty, or another kind of text than a table.
    """
    text, encoding = _decoded(name, content)
    if "\0" in text:
        raise RequestError(f"{name} is not text: it holds null bytes; save it as CSV UTF-8")
    if not text.strip():
        raise RequestError(f"{name} is empty")
    head = text.lstrip()[:6].lower()
    if head.startswith(("<!doc", "<html", "<?xml", "<head", "<body", "<erro")):
        raise RequestError(f"{name} is a web page or XML, not CSV; download the data itself")
    if head.startswith(("{", "[")):
        raise RequestError(f"{name} is JSON, not CSV; save it as CSV")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _decoded(name: str, content: bytes) -> tuple[str, str]:
    encoding = next((known for mark, known in MARKS if content.startswith(mark)), "") or _unmarked(content)
    try:
        return content.decode(encoding), encoding.removesuffix("-sig")
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            text = content.decode("cp1252", errors="replace")
            if set(re.sub(r"[\x00-\x7f]", "", text)) <= WESTERN:
                return text, "cp1252"
        kind = "UTF-16" if "16" in encoding else "UTF-8"
        raise RequestError(f"{name} is not text in {kind} (byte {error.start}); save it as CSV UTF-8") from None


def _unmarked(content: bytes) -> str:
    """Tell UTF-16 by its null bytes: every second one of plain Latin text."""
    head = content[:400]
    if len(head) >= 8 and head[1::2].count(0) > 0.9 * len(head[1::2]) and 0 not in head[0::2]:
        return "utf-16-le"
    if len(head) >= 8 and head[0::2].count(0) > 0.9 * len(head[0::2]) and 0 not in head[1::2]:
        return "utf-16-be"
    return "utf-8"
