"""Recordings as series: the mel-frequency cepstrum of a WAV file, every 10 ms.

Source: Davis and Mermelstein (1980), IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4).
"""

from pathlib import Path

import numpy as np

from forecaster.classification.cases import Cases
from tradewinds.core.errors import RequestError

COEFFICIENTS, STEP, WINDOW = 13, 0.010, 0.025  # of a frame; seconds from one to the next; seconds it looks at


def read_recordings(folder: Path) -> Cases:
    """Read a folder of WAV files: the class of each is the name of its folder; of one that lies in no other, none.

    Raises:
        RequestError: there is none, the extra is missing, or one cannot be read.
    """
    files = sorted(folder.rglob("*.wav")) + sorted(folder.rglob("*.WAV"))
    if not files:
        raise RequestError(f"{folder} must hold WAV files, in a folder a class, holds none")
    librosa = _librosa()
    values = [_cepstrum(librosa, file) for file in files]
    parents = {file.parent for file in files}
    labelled = folder not in parents
    channels = tuple(f"mfcc_{number}" for number in range(COEFFICIENTS))
    names = tuple(str(file.relative_to(folder)) for file in files)
    return Cases(names, tuple(values), tuple(file.parent.name for file in files) if labelled else None, channels)


def _librosa() -> object:
    try:
        import librosa
    except ImportError:
        raise RequestError("WAV files need the extra audio: pip install 'tradewinds[audio]'") from None
    return librosa


def _cepstrum(librosa: object, file: Path) -> np.ndarray:
    """Return (L, 13) coefficients."""
    from scipy.io import wavfile

    try:
        rate, sound = wavfile.read(file)
    except (ValueError, OSError) as error:
        raise RequestError(f"{file} cannot be read as a WAV file: {error}") from None
    sound = np.asarray(sound)
    whole = np.issubdtype(sound.dtype, np.integer)
    mono = (sound if sound.ndim == 1 else sound.mean(axis=1)).astype(np.float32) / (
        np.iinfo(sound.dtype).max if whole else 1
    )
    if len(mono) < WINDOW * rate:
        raise RequestError(f"{file} must last {1e3 * WINDOW:.0f} ms or longer, lasts {1e3 * len(mono) / rate:.0f}")
    window = 2 ** int(np.ceil(np.log2(WINDOW * rate)))
    coefficients = librosa.feature.mfcc(  # type: ignore[attr-defined]
        y=mono, sr=rate, n_mfcc=COEFFICIENTS, n_fft=window, hop_length=max(int(STEP * rate), 1), n_mels=40
    )
    return np.asarray(coefficients.T, dtype=np.float64)
