"""A registered model, loaded and proven, and what it does on bars it has never learned from."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import tradewinds.tasks.plans  # noqa: F401 - a planner's policy is loaded by what it enters
from forecaster.fitted import load_forecaster
from forecaster.hidden_states import HiddenStates, encode
from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.registry import Version
from tradewinds.pipeline.artifact import Artifact, parent, read
from tradewinds.pipeline.prepare import Prepared
from tradewinds.tasks.account.backtest import play
from tradewinds.tasks.account.market import Sight, build_market, sight_of
from trading_agent import Policy, load_policy
from trading_env import Market, TradingConfig, run_ledger

SAME_RETURN = 1e-3  # two log returns nearer than that may be of one series, one of them corrected since


@dataclass(frozen=True, eq=False)
class Model:
    """A forecaster, its hidden states of the present series, and the agent trained on them.

    Attributes:
        states: of every bar of the present series.
        policy: the agent.
        exposures: what the agent's actions mean.
        trained_to: close-of-learning bar; later bars were never used to fit or select anything.
        sight: what the agent sees of a bar; None: what the present request's does.
    """

    states: HiddenStates
    policy: Policy
    exposures: tuple[float, ...]
    trained_to: pd.Timestamp
    sight: Sight | None = None

    def first_unseen(self, prepared: Prepared) -> int:
        """Return the first row of the series that this model may be judged on."""
        after = int(prepared.series.index.searchsorted(self.trained_to, side="right"))
        return after + prepared.split.embargo_bars

    def targets(self, prepared: Prepared, rows: range) -> NDArray[np.float64]:
        """Return (R, A) target exposures over `rows`; the last is the decision taken at the last close."""
        return play(self.policy, self._market(prepared, rows), self._rules(prepared))

    def log_growth(self, prepared: Prepared, rows: range) -> float:
        """Return the log growth of equity over `rows`, after costs, under the present request's rules."""
        market = self._market(prepared, rows)
        equity = run_ledger(market, self.targets(prepared, rows), self._rules(prepared)).equity[:, 0]
        return float(np.log(max(equity[-1], 1e-12) / equity[0]))

    def _market(self, prepared: Prepared, rows: range) -> Market:
        """The market of `rows` as this agent sees it; a plan that it observes is one on its own levels."""
        config = dataclasses.replace(prepared.config, env=self._rules(prepared))
        return build_market(dataclasses.replace(prepared, config=config), self.states, rows, self.sight)

    def _rules(self, prepared: Prepared) -> TradingConfig:
        """The present rules with the levels this agent knows, even where the cap has been lowered since."""
        rules: TradingConfig = prepared.config.env
        cap = max(rules.leverage_cap, *(abs(level) for level in self.exposures))
        return dataclasses.replace(rules, exposures=self.exposures, leverage_cap=cap)


def load_version(runs: Path, version: Version, prepared: Prepared) -> Model:
    """Load a registered version and encode the present series with it.

    Raises:
        GateError: its files are not what was registered.
        RequestError: they are gone, it was trained on another series, or the series lacks columns it was trained with.
    """
    agent = prove(runs, version)
    cure = "give the options it was trained with, or another run.name"
    if agent.manifest["inputs"]["series"] != prepared.inputs["series"]:
        raise RequestError(
            f"version {version.number} of '{version.name}' was trained on {agent.manifest['inputs']['series']}, "
            f"and this request's series is {prepared.inputs['series']}; {cure}"
        )
    _check_series(agent, version, prepared, cure)
    try:
        fitted = load_forecaster(parent(agent, "forecaster").folder, prepared.series.instruments[0])
        states = encode(fitted, prepared.series)
    except ValueError as error:
        raise RequestError(
            f"version {version.number} of '{version.name}' cannot read this series: {error}; {cure}"
        ) from None
    return Model(
        states=states,
        policy=load_policy(agent.folder),
        exposures=tuple(agent.manifest["config"]["env"]["exposures"]),
        trained_to=pd.Timestamp(agent.manifest["facts"]["trained_to"]),
        sight=sight_of(agent.manifest["config"]),
    )


def _check_series(agent: Artifact, version: Version, prepared: Prepared, cure: str) -> None:
    """Refuse a series whose returns are not those the agent was selected on: another one may bear the same name.

    Raises:
        RequestError: the bars up to `trained_to` are gone, or are others.
    """
    theirs = np.array(agent.manifest["facts"]["last_returns"])
    trained_to = pd.Timestamp(agent.manifest["facts"]["trained_to"])
    row = int(prepared.series.index.searchsorted(trained_to, side="right"))
    ours = prepared.series.changes()[max(row - len(theirs), 0) : row, 0]
    there = row > len(theirs) and prepared.series.index[row - 1] == trained_to
    if not there or not np.allclose(ours, theirs, rtol=0.0, atol=SAME_RETURN):
        found = f"were {_shown(theirs)} and are {_shown(ours)} in this series" if there else "are not in this series"
        raise RequestError(
            f"version {version.number} of '{version.name}' was trained on other bars: the log returns up to "
            f"{trained_to:%Y-%m-%d %H:%M} {found}; {cure}"
        )


def _shown(returns: NDArray[np.float64]) -> str:
    return " ".join(f"{value:+.4f}" for value in returns[-2:])


def prove(runs: Path, version: Version) -> Artifact:
    """Return the agent artifact of a version, whole and the very one that was registered.

    Raises:
        GateError: it, or the forecaster behind it, differs from what was registered.
    """
    agent = read(runs / version.run / "agent", "agent")
    if agent.sha256 != version.agent_sha256:
        raise GateError(f"{agent.folder} is not what was registered as version {version.number}; roll back or retrain")
    parent(agent, "forecaster")
    return agent
