"""One episode as a picture: price, exposure and equity, drawn with NumPy alone, for a screen or a terminal."""

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH, MARGIN = 360, 640, 8
PAPER, FRAME, ZERO = (255, 255, 255), (200, 200, 200), (225, 225, 225)
INKS = ((40, 40, 40), (213, 94, 0), (0, 114, 178))  # price, exposure, equity
SHARES = (0.5, 0.2, 0.3)  # of the height
BARS = " ▁▂▃▄▅▆▇█"
COLUMNS = 60  # of a terminal's chart


def picture(price: list[float], exposure: list[float], equity: list[float]) -> NDArray[np.uint8]:
    """Return (360, 640, 3) pixels: three panels from above, each from its least to its greatest value."""
    image = np.full((HEIGHT, WIDTH, 3), PAPER, dtype=np.uint8)
    top = 0
    for values, ink, share in zip((price, exposure, equity), INKS, SHARES, strict=True):
        bottom = top + int(HEIGHT * share)
        panel = image[top + MARGIN : bottom - MARGIN, MARGIN:-MARGIN]
        panel[[0, -1]], panel[:, [0, -1]] = FRAME, FRAME
        _line(panel, np.asarray(values, dtype=np.float64), ink)
        top = bottom
    return image


def _line(panel: NDArray[np.uint8], values: NDArray[np.float64], ink: tuple[int, int, int]) -> None:
    """Draw values from the left edge to the right one; each column of pixels covers what lies between its ends."""
    height, width = panel.shape[0] - 4, panel.shape[1] - 4
    low, high = min(values.min(), 0.0 if values.min() < 0.0 else values.min()), values.max()
    scale = (height - 1) / (high - low) if high > low else 0.0
    where = np.linspace(0.0, len(values) - 1.0, width + 1)
    y = height - 1 - ((np.interp(where, np.arange(len(values)), values) - low) * scale).round().astype(int)
    if low < 0.0 < high:
        panel[2 + height - 1 - round(-low * scale), 2:-2] = ZERO
    for x in range(width):
        first, last = sorted((y[x], y[x + 1]))
        panel[2 + first : 3 + last, 2 + x] = ink


def lines(t: int, price: list[float], exposure: list[float], equity: list[float]) -> str:
    """Return the newest bars as four lines of text."""
    rows = [f"bar {t}"]
    for name, values in (("price", price), ("exposure", exposure), ("equity", equity)):
        newest = np.asarray(values[-COLUMNS:], dtype=np.float64)
        low, spread = newest.min(), float(np.ptp(newest))
        steps = np.full(len(newest), 4) if spread == 0.0 else (1 + 7 * (newest - low) / spread).round().astype(int)
        rows.append(f"{name:<9}{''.join(BARS[step] for step in steps):<{COLUMNS}} {newest[-1]:.6g}")
    return "\n".join(rows)
