"""Files as text, cells and times; knows no vendor and no series."""
