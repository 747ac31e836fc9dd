"""What other tools call their columns, however they spell it: by the letters alone."""

import re

OF_PRICES = {  # columns that repeat what a bar itself brings
    "open", "high", "low", "close", "volume", "dividends", "splits", "stocksplits", "splitcoefficient", "splitfactor",
    "splitratio", "capitalgains", "symbol", "ticker",
}  # fmt: skip
OF_BAR = "(open|high|low|clos(e|ing)|price|last|volume)"
ADJUSTED = re.compile(rf"adj(usted)?|.*(?<!un)adj(usted)?{OF_BAR}.*|.*{OF_BAR}adj(usted)?.*")


def letters(name: str) -> str:
    """Return a name without case, blanks, dots, underscores and the like: `Adj. Close*` is `adjclose`."""
    return re.sub(r"[\W_]+", "", name).lower()


def is_adjusted(name: str) -> bool:
    """Say whether a column is a price or a volume that was adjusted for what happened later."""
    return ADJUSTED.fullmatch(letters(name)) is not None


def is_adjusted_close(name: str) -> bool:
    """Say whether a column is a close that was adjusted for what happened later."""
    return is_adjusted(name) and re.search("open|high|low|volume", letters(name)) is None


def speaks_of_prices(name: str) -> bool:
    """Say whether a column repeats what a bar brings, or tells it with later knowledge: it is never a feature."""
    return letters(name) in OF_PRICES or is_adjusted(name)
