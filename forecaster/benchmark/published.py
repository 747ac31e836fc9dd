"""What the papers report on the usual files, to be printed beside our own numbers.

Mean squared and mean absolute error on scaled values, horizons 96, 192, 336 and 720. Lookback and protocol differ from
ours and from each other: each row says its lookback; several of them leave the last incomplete batch of the test
windows out (`drop_last`), which moves the numbers, and each chose its settings per file.
"""

from dataclasses import dataclass

HORIZONS = (96, 192, 336, 720)
Pair = tuple[float, float]


@dataclass(frozen=True)
class Published:
    """One model of one paper on one file.

    Attributes:
        model: its name.
        lookback: rows it reads, or how they were chosen.
        errors: (mse, mae) by horizon.
        source: where the numbers were read.
    """

    model: str
    lookback: str
    errors: dict[int, Pair]
    source: str


def _row(model: str, lookback: str, source: str, *pairs: Pair) -> Published:
    return Published(model, lookback, dict(zip(HORIZONS, pairs, strict=True)), source)


_SEGRNN = ("SegRNN (GRU)", "720", "lss-1138/SegRNN, Figures/Table2.png")
_MIXER = ("TimeMixer", "searched, drop_last", "kwuking/TimeMixer, figures/long_results.png")
_PATCH = ("PatchTST/64", "512, drop_last", "yuqinie98/PatchTST, pic/table3.png")
_NLINEAR = ("NLinear", "336", "cure-lab/LTSF-Linear, pics/Mul-results.png")
_REPEAT = ("repeat-last", "1", "cure-lab/LTSF-Linear, pics/Mul-results.png")

PUBLISHED = {
    "etth1": (
        _row(*_SEGRNN, (0.351, 0.392), (0.392, 0.414), (0.423, 0.433), (0.466, 0.472)),
        _row(*_MIXER, (0.361, 0.390), (0.409, 0.414), (0.430, 0.429), (0.445, 0.460)),
        _row(*_PATCH, (0.370, 0.400), (0.413, 0.429), (0.422, 0.440), (0.447, 0.468)),
        _row(*_NLINEAR, (0.374, 0.394), (0.408, 0.415), (0.429, 0.427), (0.440, 0.453)),
        _row(*_REPEAT, (1.295, 0.713), (1.325, 0.733), (1.323, 0.744), (1.339, 0.756)),
    ),
    "etth2": (
        _row(*_SEGRNN, (0.276, 0.335), (0.341, 0.389), (0.364, 0.403), (0.403, 0.448)),
        _row(*_MIXER, (0.271, 0.330), (0.317, 0.402), (0.332, 0.396), (0.342, 0.408)),
        _row(*_PATCH, (0.274, 0.337), (0.341, 0.382), (0.329, 0.384), (0.379, 0.422)),
        _row(*_NLINEAR, (0.277, 0.338), (0.344, 0.381), (0.357, 0.400), (0.394, 0.436)),
        _row(*_REPEAT, (0.432, 0.422), (0.534, 0.473), (0.591, 0.508), (0.588, 0.517)),
    ),
    "ettm1": (
        _row(*_SEGRNN, (0.293, 0.354), (0.328, 0.378), (0.357, 0.399), (0.410, 0.430)),
        _row(*_MIXER, (0.291, 0.340), (0.327, 0.365), (0.360, 0.381), (0.415, 0.417)),
        _row(*_PATCH, (0.293, 0.346), (0.333, 0.370), (0.369, 0.392), (0.416, 0.420)),
        _row(*_NLINEAR, (0.306, 0.348), (0.349, 0.375), (0.375, 0.388), (0.433, 0.422)),
        _row(*_REPEAT, (1.214, 0.665), (1.261, 0.690), (1.283, 0.707), (1.319, 0.729)),
    ),
    "weather": (
        _row(*_SEGRNN, (0.143, 0.198), (0.189, 0.247), (0.243, 0.291), (0.316, 0.345)),
        _row(*_MIXER, (0.147, 0.197), (0.189, 0.239), (0.241, 0.280), (0.310, 0.330)),
        _row(*_PATCH, (0.149, 0.198), (0.194, 0.241), (0.245, 0.282), (0.314, 0.334)),
        _row(*_NLINEAR, (0.182, 0.232), (0.225, 0.269), (0.271, 0.301), (0.338, 0.348)),
        _row(*_REPEAT, (0.259, 0.254), (0.309, 0.292), (0.377, 0.338), (0.465, 0.394)),
    ),
    "exchange_rate": (
        _row(*_NLINEAR, (0.089, 0.208), (0.180, 0.300), (0.331, 0.415), (1.033, 0.780)),
        _row(*_REPEAT, (0.081, 0.196), (0.167, 0.289), (0.305, 0.396), (0.823, 0.681)),
    ),
}


def published(file_name: str) -> tuple[Published, ...]:
    """Return what the papers report on a file, by its name without folder and endings; nothing for other names."""
    return PUBLISHED.get(file_name.split(".")[0].lower(), ())
