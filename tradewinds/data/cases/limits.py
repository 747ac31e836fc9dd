"""How large a number of a case may be, in whichever file it stands."""

LARGEST = 1e30  # beyond it 32 bits, and squares, lose all other numbers of a channel
LAW = f"must lie between {-LARGEST:g} and {LARGEST:g}; correct it, mark it as missing, or write another unit"
