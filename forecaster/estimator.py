"""A forecaster to hold: frames in, forecasts with intervals out, by the habits of scikit-learn.

It puts nothing of its own between a table and what `tradewinds run` does: the same series, the same training, the same
intervals, to the last bit. Light to import: torch and pandas are loaded when something is fitted. Knows tables in
memory; not files, commands or configurations.
"""

import copy
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from forecaster.config import DAYWISE, FeatureConfig, ForecasterConfig, ModelConfig, TrainerConfig, settings_of
from forecaster.registry import MODELS
from forecaster.saved_folder import read_whole, write_whole

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.data.datamodule import WindowDataModule
    from forecaster.data.series import Series, Target
    from forecaster.fitted import FittedForecaster
    from forecaster.fitted_table import FittedTable, TableReader
    from forecaster.training.ensemble import MemberTraining
    from forecaster.training.module import LSTMForecaster
    from forecaster.training.training_set import TrainingSet

FILE = "estimator.json"
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
OF_A_TRAINING = ("trainer", "calibration", "embargo_bars", "seed")  # what may change between a fit and an update
TARGETS = ("log_return", "relative_return", "difference", "level")


class Forecaster:
    """A recurrent network that is fitted on a table and tells the values that follow it.

    Args:
        model: the architecture, such as lstm, gru, seq2seq (docs/forecaster.md).
        horizon: H, bars ahead.
        target: what is learned of each bar: its `log_return`, for prices; `relative_return`, less the mean of all
            instruments; `difference` or `level`, in the unit of the series, for what may be zero or negative.
        time: column of the bars' starts; None: the index, or one called time, date or ds.
        symbol: column of the instrument; None: one called symbol, ticker or unique_id, if there is one.
        close: column of the closes, or of the only value; several, an instrument each; None: one called close, price,
            value or y, or the only one of numbers. Columns called open, high, low and volume are read beside it.
        past: columns of what else is known when a bar closes.
        future: columns of what is known of bars ahead: by how long before each, such as {"load": "24h"}; a list: as
            far as the horizon. Read by `model="seq2seq"`; rows after the last close hold those of the bars to come.
        dividends: column of cash paid per unit, where prices are not adjusted for it; None: there are none.
        splits: column of units that one unit becomes, likewise.
        bar_length: such as "1h"; None: the commonest distance between bars.
        calibration: share of the rows, the last ones, on which nothing is fitted and intervals are calibrated; 0 keeps
            none, and `calibrate` is called with rows of their own.
        embargo_bars: rows between the two that are not used.
        seed: all that is drawn is derived from it, as in a run.
        network: settings of `forecaster.config.ModelConfig`, such as {"hidden_size": 64, "context_length": 128}.
        features: of `FeatureConfig`; unless it says otherwise, what helps on the fit rows is selected, as in a run.
        trainer: of `TrainerConfig`, such as {"epochs": 10, "members": 5}.
    """

    def __init__(
        self,
        model: str = "lstm",
        *,
        horizon: int = 5,
        target: "Target" = "log_return",
        time: str | None = None,
        symbol: str | None = None,
        close: str | Sequence[str] | None = None,
        past: Sequence[str] = (),
        future: Mapping[str, Any] | Sequence[str] = (),
        dividends: str | None = None,
        splits: str | None = None,
        bar_length: str | None = None,
        calibration: float = 0.2,
        embargo_bars: int = 5,
        seed: int = 7,
        network: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        trainer: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.horizon, self.target = model, horizon, target
        self.time, self.symbol, self.close, self.past, self.future = time, symbol, close, past, future
        self.dividends, self.splits = dividends, splits
        self.bar_length, self.calibration, self.embargo_bars, self.seed = bar_length, calibration, embargo_bars, seed
        self.network, self.features, self.trainer = network, features, trainer
        self._fit: FittedTable | None = None
        self._fitted_with: dict[str, Any] = {}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what it was made with, by name, as scikit-learn's `clone` asks for it."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change what it was made with; a fit of before stays as it was until the next.

        Raises:
            ValueError: there is no such parameter.
        """
        strange = sorted(set(params) - set(self.get_params()))
        if strange:
            raise ValueError(f"{strange[0]} is none of {', '.join(self.get_params())}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Return the call that makes it, defaults left out."""
        usual = {name: parameter.default for name, parameter in inspect.signature(type(self)).parameters.items()}
        given = [f"{name}={value!r}" for name, value in self.get_params().items() if value != usual[name]]
        return f"{type(self).__name__}({', '.join(given)})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's pipelines and searches ask of an estimator: it needs no target beside the table."""
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` was called, as scikit-learn asks."""
        return self._fit is not None

    @property
    def config(self) -> ForecasterConfig:
        """Features, network and training, checked.

        Raises:
            ValueError: a setting is out of its range or unknown; it is named.
        """
        self._refuse_strange()
        if self.model in DAYWISE:
            raise ValueError(f"{self.model} reads days of a power market; take it through tradewinds run env=battery")
        return ForecasterConfig(
            features=settings_of(FeatureConfig, "features", {"selection": True, **(self.features or {})}),
            model=settings_of(
                ModelConfig, "network", {"kind": self.model, "horizon": int(self.horizon), **(self.network or {})}
            ),
            trainer=settings_of(TrainerConfig, "trainer", self.trainer or {}),
        )

    def _refuse_strange(self) -> None:
        """Refuse what the settings of the rooms below do not check."""
        for name in ("network", "features", "trainer"):
            settings = getattr(self, name)
            if not isinstance(settings, Mapping | None):
                raise ValueError(f"{name} must be a mapping of settings by name, was {settings!r}")
        network = sorted({"kind", "horizon"} & set(self.network or {}))
        share, gap = self.calibration, self.embargo_bars
        laws = (
            (self.target in TARGETS, f"target must be one of {', '.join(TARGETS)}, was {self.target!r}"),
            (self.model in MODELS.homes, f"model must be one of {', '.join(MODELS.homes)}, was {self.model!r}"),
            (not network, f"network must not hold {' and '.join(network)}: give model and horizon beside it"),
            (_counts(self.horizon, 1), f"horizon must be a whole number of bars from 1 on, was {self.horizon!r}"),
            (_counts(gap, 0), f"embargo_bars must be a whole number from 0 on, was {gap!r}"),
            (_counts(self.seed, 0), f"seed must be a whole number from 0 on, was {self.seed!r}"),
            (isinstance(share, Real) and 0 <= share < 1, f"calibration must be a share in [0, 1), was {share!r}"),
        )
        faults = [words for holds, words in laws if not holds]
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def fitted(self) -> "dict[str, FittedForecaster]":
        """The fitted network by instrument, with its scales.

        Raises:
            ValueError: it is not fitted yet.
        """
        return self._known.panel

    def fit(self, frame: Any, y: None = None, *, trained: "LSTMForecaster | None" = None) -> Self:
        """Fit the network on the first rows of a table, and its intervals on the last.

        Args:
            frame: of pandas or polars, long or wide.
            y: nothing; it is here for scikit-learn's pipelines.
            trained: a network of `lightning(frame)` that was trained already; None trains one.

        Raises:
            ValueError: a setting or a column that cannot be, or too few rows; it says which, and what to do.
        """
        from forecaster.fitted import fit_panel, panel_of

        config, reader = self.config, self._reader
        rows = reader.rows(frame)
        series, part = self._fitted_part(reader, rows)
        if trained is None:
            return self._learned(reader, rows, fit_panel(series, config, part, seed=self._seed))
        lessons, job = self._training(series, part)
        fresh, own = (
            {name: weight.shape for name, weight in network.state_dict().items()}
            for network in (self._untrained(job), trained)
        )
        if fresh != own or trained.config != config.model:
            raise ValueError("trained must be a network of lightning(table) of this very forecaster and table")
        return self._learned(reader, rows, panel_of(lessons, trained, config, part))

    def lightning(self, frame: Any) -> "tuple[LSTMForecaster, WindowDataModule]":
        """Return the network before its training, and its batches, for a `pytorch_lightning.Trainer` of your own.

        They are those of `fit`, seeds included; `fit(frame, trained=network)` makes a forecaster of the two.
        """
        reader = self._reader
        job = self._training(*self._fitted_part(reader, reader.rows(frame)))[1]
        return self._untrained(job), job.batches()

    def calibrate(self, frame: Any, *, since: Any = None) -> Self:
        """Take the intervals from the misses on rows of their own: those of a table from `since` on, or all new ones.

        Args:
            frame: up to the last of these rows; bars that are known already may be left out.
            since: the first bar they are taken from; None: the first after what the network was fitted on.

        Raises:
            ValueError: no such rows, or rows that the network was fitted on.
        """
        self._fit = self._known.calibrated_since(frame, since)
        return self

    def predict(self, frame: Any = None, *, levels: Sequence[float] = LEVELS, since: Any = None) -> Any:
        """Tell the H bars after the last one of every instrument, with calibrated intervals.

        Args:
            frame: bars up to now; those known already may be left out. None: the bars that are known.
            levels: chances with which a value falls below what is told, rising.
            since: also what was told at every bar from this one on, each by what was known then; None: of the last bar.

        Returns:
            A table of the kind that is given, of pandas where none is: `symbol`, where there are several; `issued`, the
            close of the last bar known; `time`, start of the bar it is about, UTC; `ahead`, bars between; `value`; and
            `interval.<level>`.

        Raises:
            ValueError: it is not fitted or not calibrated, or no instrument can be spoken of.
        """
        chances = list(levels) if isinstance(levels, Iterable) else []
        numbers = bool(chances) and all(isinstance(chance, Real) and 0.0 < chance < 1.0 for chance in chances)
        if not numbers or chances != sorted(set(chances)):
            raise ValueError(f"levels must be chances that rise, each above 0 and below 1, were {levels!r}")
        return self._answer(frame, lambda known, rows: known.told(rows, [float(chance) for chance in chances], since))

    def embed(self, frame: Any = None) -> Any:
        """Return the hidden state at every bar: `time`, `symbol` where there are several, and D columns.

        Rows before the first whole context are left out.
        """
        return self._answer(frame, lambda known, rows: known.embedded(rows))

    def update(self, frame: Any) -> Self:
        """Go on learning from a longer table, from the weights at hand; scales stay those of the first fit.

        What trains may be another than at the fit; what is read and told may not.

        Raises:
            ValueError: as in `fit`, it is not fitted yet, or it was made something else since.
        """
        from forecaster.fitted import fit_panel

        known, now = self._known, self.get_params()
        faults = [
            f"its {name} was {then!r}, and is {now[name]!r} now"
            for name, then in self._fitted_with.items()
            if name not in OF_A_TRAINING and repr(now[name]) != repr(then)
        ]
        if faults:
            raise ValueError(f"update goes on from the fit, and {'; '.join(faults)}; set it back, or fit anew")
        reader, rows = self._reader, known.joined(frame)
        series, part = self._fitted_part(reader, rows)
        end, learned = series.close_time[-1], known.first.fit_end_time
        if end < learned:
            raise ValueError(
                f"its network has learned bars up to {learned:%Y-%m-%d %H:%M} UTC, and the rows to fit on end at "
                f"{end:%Y-%m-%d %H:%M}; bring a longer table, or a smaller calibration"
            )
        panel = fit_panel(series, self.config, part, seed=self._seed, initial=known.panel)
        return self._learned(reader, rows, panel)

    def save(self, folder: str | Path) -> None:
        """Write it, as it was fitted, into a folder, made if need be: weights as safetensors, else JSON and Parquet.

        Whole or not at all; what was saved there before is replaced, and other files are left.

        Raises:
            ValueError: it is not fitted yet, or `folder` is a file.
        """
        known = self._known
        params = json.loads(json.dumps(self._fitted_with, default=_plain))
        facts = {"params": params, "calibrated_on": [moment.isoformat() for moment in known.calibrated_on]}
        write_whole(Path(folder), FILE, facts, known.save)

    @classmethod
    def load(cls, folder: str | Path) -> "Forecaster":
        """Read what `save` wrote; nothing in it can execute code.

        Raises:
            ValueError: nothing was saved there, or a file is gone or another since; it is named.
        """
        import pandas as pd

        from forecaster.fitted_table import FittedTable

        place = Path(folder)
        facts = read_whole(place, FILE)
        params: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in facts["params"].items()
        }
        loaded = cls(**params)
        first, end = (pd.Timestamp(text) for text in facts["calibrated_on"])
        loaded._fit = FittedTable.load(place, loaded._reader, (first, end))
        loaded._fitted_with = copy.deepcopy(params)
        return loaded

    def _answer(self, frame: Any, question: "Callable[[FittedTable, pd.DataFrame], pd.DataFrame]") -> Any:
        """Return what is known of the rows of a table, or of those that are known, in the kind of table given."""
        from forecaster.fitted_table import alike

        known = self._known
        return alike(frame, question(known, known.rows if frame is None else known.joined(frame)))

    @property
    def _known(self) -> "FittedTable":
        if self._fit is None:
            raise ValueError("this forecaster is not fitted yet; call fit with a table first")
        return self._fit

    @property
    def _reader(self) -> "TableReader":
        """How tables are read.

        Raises:
            ValueError: a setting is out of its range.
        """
        self._refuse_strange()
        from forecaster.data.frame_series import span_of
        from forecaster.data.frames import FrameColumns
        from forecaster.fitted_table import TableReader

        names = ("time", "symbol", "close", "past", "future", "dividends", "splits")
        return TableReader(
            columns=FrameColumns(**{name: getattr(self, name) for name in names}),
            target=self.target,
            bar_length=None if self.bar_length is None else span_of("bar_length", self.bar_length),
            horizon=int(self.horizon),
            embargo_bars=self.embargo_bars,
        )

    def _parts(self, num_rows: int) -> tuple[int, range]:
        """Return where the rows to fit on end, and those to calibrate on."""
        held = round(self.calibration * num_rows)
        stop = num_rows - held - (self.embargo_bars if held else 0)
        if stop < 1:
            raise ValueError(f"{num_rows} rows are too few for a calibration of {self.calibration}; bring more")
        return stop, range(num_rows - held, num_rows)

    @property
    def _seed(self) -> int:
        from forecaster.seeds import FORECASTER, seed_for

        return seed_for(self.seed, FORECASTER)

    def _fitted_part(self, reader: "TableReader", rows: "pd.DataFrame") -> "tuple[Series, range]":
        """Return the series that the network is fitted on, and its rows; what comes later is not in it."""
        series = reader.series(rows)
        empty = sorted(set(rows["symbol"]) - set(series.instruments))
        if empty:
            raise ValueError(f"{', '.join(empty)} has no close in the table; leave it out, or bring bars of it")
        part = range(self._parts(len(series.index))[0])
        return series.rows(part), part

    def _training(self, series: "Series", part: range) -> "tuple[TrainingSet, MemberTraining]":
        from forecaster.fitted import prepared_training

        return prepared_training(series, self.config, part, seed=self._seed)

    def _untrained(self, job: "MemberTraining") -> "LSTMForecaster":
        """Return the network before its training; torch's random numbers are left as they were."""
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            return job.fresh()

    def _learned(self, reader: "TableReader", rows: "pd.DataFrame", panel: "dict[str, FittedForecaster]") -> Self:
        """Keep what was fitted on the first rows, and calibrate its intervals on the last."""
        from forecaster.fitted_table import FittedTable

        series = reader.series(rows)
        start = series.index[0]
        fitted = FittedTable(reader=reader, panel=panel, rows=rows, calibrated_on=(start, start))
        calibration = self._parts(len(series.index))[1]
        self._fit = fitted.calibrated(series, calibration) if len(calibration) else fitted
        self._fitted_with = copy.deepcopy(self.get_params())
        return self


def _plain(value: Any) -> Any:
    """Return a number or an array of NumPy or pandas as JSON has it, and a span as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _counts(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
