"""Recordings as series: the mel-frequency cepstrum of a WAV file, every 10 ms.

Source: Davis and Mermelstein (1980), IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4).
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases, named
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.text import listed

COEFFICIENTS, STEP, WINDOW = 13, 0.010, 0.025  # of a frame; seconds from one to the next; seconds it looks at


def read_recordings(folder: Path) -> Cases:
    """Read a folder of WAV files: the class of each is the name of its folder; of one that lies in no other, none.

    Raises:
        RequestError: there is none, the extra is missing, one cannot be read, or they are of several rates.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".wav")
    if not files:
        raise RequestError(f"{folder} must hold WAV files, in a folder a class, holds none")
    librosa = _librosa()
    sounds = {file: _sound(file) for file in files}
    rates = sorted({rate for rate, _ in sounds.values()})
    if len(rates) > 1:
        raise RequestError(
            f"{folder} must hold recordings of one rate, since coefficients of several do not compare, holds those of "
            f"{named([f'{rate} Hz' for rate in rates])}; bring all to one"
        )
    values = [_cepstrum(librosa, *sounds[file]) for file in files]
    parents = {file.parent for file in files}
    labelled = folder not in parents
    channels = tuple(f"mfcc_{number}_of_{rates[0]}_hz" for number in range(COEFFICIENTS))
    names = tuple(str(file.relative_to(folder)) for file in files)
    return Cases(names, tuple(values), tuple(file.parent.name for file in files) if labelled else None, channels)


def not_read(folder: Path) -> list[str]:
    """Return a note of the files in a folder of recordings that are none; hidden ones need none."""
    others = [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix.lower() != ".wav" and not file.name.startswith(".")
    ]
    if not others:
        return []
    are = "is no WAV file, and is" if len(others) == 1 else "are no WAV files, and are"
    return [f"{folder}: {listed(others, 3)} {are} not read"]


def _librosa() -> object:
    try:
        import librosa
    except ImportError:
        raise RequestError("WAV files need the extra audio: pip install 'tradewinds[audio]'") from None
    return librosa


def _sound(file: Path) -> tuple[int, NDArray[np.float32]]:
    """Return the samples a second, and what was recorded, all channels together, from -1 to 1."""
    from scipy.io import wavfile

    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            rate, sound = wavfile.read(file)
        except Exception:  # a file that was cut off ends in whatever its reader meets
            raise RequestError(
                f"{file} cannot be read as a WAV file: it is damaged, cut off, compressed, or none; copy it again, or "
                "save it as WAV of 16 bits (PCM)"
            ) from None
    if any("EOF" in str(remark.message) for remark in remarks):
        raise RequestError(f"{file} is cut off: it ends before all that its header announces; copy it again")
    sound = np.asarray(sound)
    largest = float(np.iinfo(sound.dtype).max) if np.issubdtype(sound.dtype, np.integer) else 1.0
    silence = 128.0 if sound.dtype == np.uint8 else 0.0  # eight bits are written without a sign
    mono = ((sound if sound.ndim == 1 else sound.mean(axis=1)) - silence).astype(np.float32) / np.float32(
        largest - silence
    )
    if len(mono) < WINDOW * rate:
        raise RequestError(f"{file} must last {1e3 * WINDOW:.0f} ms or longer, lasts {1e3 * len(mono) / rate:.0f}")
    return int(rate), mono


def _cepstrum(librosa: object, rate: int, mono: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (L, 13) coefficients."""
    window = 2 ** int(np.ceil(np.log2(WINDOW * rate)))
    coefficients = librosa.feature.mfcc(  # type: ignore[attr-defined]
        y=mono, sr=rate, n_mfcc=COEFFICIENTS, n_fft=window, hop_length=max(int(STEP * rate), 1), n_mels=40
    )
    return np.asarray(coefficients.T, dtype=np.float64)
