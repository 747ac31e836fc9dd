"""N accounts or storage units on one market in one array, as a `gymnasium.vector.VectorEnv`.

Seeds, starts, both ways to restart, saved states and the replay of transitions are the same in every venue; a venue
supplies a simulator and its spaces. Knows Gymnasium; nothing of money, prices or energy.
"""

import json
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Flags = NDArray[np.bool_]
Int = NDArray[np.int64]
ROUNDING = 1e-6  # an action may leave its bounds by this much: float32 on its way through a network


class Step(NamedTuple):
    """One step of N accounts, or of one alone in Python's own numbers.

    Attributes:
        reward: (N,) rewards.
        terminated: (N,) ends by the rules.
        truncated: (N,) ends of time or data.
        record: the ledger's, of the venue.
    """

    reward: Any
    terminated: Any
    truncated: Any
    record: Any


class PastForecasts(NamedTuple):
    """D decisions of the past: (D, K, H) forecasts known at each, (D, H) what came, (D,) steps that counted."""

    forecasts: Array
    outcome: Array
    length: Int


class Simulator(Protocol):
    """N accounts that each stand at some bar of one market.

    Attributes:
        t: (N,) bar decided next.
        measure: what `worth` is called in an info.
        num_account_features: K numbers that an agent must remember of an account.
        last_start: the last bar an episode can begin at.
        action_space: of one account.
        observation_space: of one account.
    """

    t: Int
    measure: str
    num_account_features: int
    last_start: int
    action_space: gymnasium.Space[Any]
    observation_space: gymnasium.Space[Float32]

    @property
    def worth(self) -> Array:
        """(N,) what the accounts have come to."""

    def random_starts(self) -> Int:
        """(S,) bars at which a random episode may begin, so that it is whole."""

    def restart(self, chosen: Int | slice, rows: Int) -> None:
        """Open fresh accounts at `rows` where `chosen` says; in place."""

    def advance(self, actions: NDArray[Any]) -> Step:
        """Carry every account over one bar."""

    def observation(self, chosen: Int | None = None) -> Float32:
        """(N, O) observations; of the chosen only where given."""

    def account(self) -> Float32:
        """(N, K) what must be remembered of the accounts."""

    def observe(self, t: NDArray[np.integer[Any]], account: Float32) -> Float32:
        """(B, O) observations of remembered states."""

    def transition(
        self, t: NDArray[np.integer[Any]], account: Float32, actions: NDArray[Any]
    ) -> tuple[Array, Float32, Flags, Flags]:
        """Replay one bar from what is remembered; nothing of the simulator moves."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays that `restore` needs."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""


M = TypeVar("M")
C = TypeVar("C")
S = TypeVar("S", bound=Simulator)


class MarketVectorEnv(VectorEnv[Float32, NDArray[Any], Any], Generic[M, C, S]):
    """Play one market with N accounts at once; a venue says by what simulator.

    Autoreset is Gymnasium's NEXT_STEP unless SAME_STEP is asked for. NEXT_STEP: the step after an episode's last
    ignores the action of that account, opens a fresh account, and returns its first observation with reward 0 and
    neither end flag. That step is no transition and does not belong in a replay memory. SAME_STEP: the step that ends
    an episode returns its reward and end flags, and the first observation of the next one; the last observation of the
    episode is in `info["final_obs"]` where `info["_final_obs"]`, and what it came to in `info["final_info"]`.

    Market data are exogenous, so a transition can be replayed from (t, account) alone: `cursor`, `observe` and
    `transition` are all a replay memory needs.

    Args:
        market: prices and what is known of them.
        config: the venue's rules; None: those by default.
        num_envs: N accounts.
        episode_bars: bars of an episode; None plays to the market's end.
        starts: where episodes begin: `sequential`, always at bar 0; `random`, at one drawn for each episode among the
            simulator's `random_starts`.
        autoreset_mode: NEXT_STEP or SAME_STEP.

    Raises:
        ValueError: `num_envs` or `episode_bars` is less than 1, an episode is longer than the market, `starts` is
            neither word, `autoreset_mode` is DISABLED, or the simulator refuses.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's convention
    simulate: ClassVar[type[Any]]  # S, of market, rules, N and the bars of an episode
    rules: ClassVar[type[Any]]  # C

    def __init__(
        self,
        market: M,
        config: C | None = None,
        *,
        num_envs: int = 1,
        episode_bars: int | None = None,
        starts: Literal["sequential", "random"] = "sequential",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, was {num_envs}")
        if starts not in ("sequential", "random"):
            raise ValueError(f"starts must be sequential or random, was '{starts}'")
        if autoreset_mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            raise ValueError(f"autoreset_mode must be NEXT_STEP or SAME_STEP, was {autoreset_mode}")
        simulator: S = self.simulate(market, config or self.rules(), num_envs, episode_bars)
        self.simulator, self.num_envs, self.starts = simulator, num_envs, starts
        self.same_step = autoreset_mode == AutoresetMode.SAME_STEP
        self.metadata = {**self.metadata, "autoreset_mode": autoreset_mode}
        self.num_account_features = simulator.num_account_features
        self.single_action_space = simulator.action_space
        self.single_observation_space = simulator.observation_space
        self.action_space = batch_space(simulator.action_space, num_envs)
        self.observation_space = batch_space(simulator.observation_space, num_envs)
        self._starting_bars = simulator.random_starts() if starts == "random" else np.zeros(1, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._account_rngs: list[np.random.Generator] | None = None

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Open N fresh accounts; `options={"start": k}` opens them at bar k.

        One `seed` decides all starts of all accounts, drawn in turn. A list of N seeds gives each account starts of its
        own, which the other accounts cannot move.

        Raises:
            ValueError: `seed` is a list of another length, or an option is none.
        """
        if isinstance(seed, list):
            if len(seed) != self.num_envs:
                raise ValueError(f"seed must be one int or a list of {self.num_envs}, had {len(seed)}")
            super().reset()
            self._account_rngs = [np.random.default_rng(account_seed) for account_seed in seed]
        else:
            super().reset(seed=seed)
            self._account_rngs = None if seed is not None else self._account_rngs
        start = starting_row(options, self.simulator.last_start)
        rows = self._starting_rows(np.arange(self.num_envs)) if start is None else np.full(self.num_envs, start)
        self.simulator.restart(slice(None), rows)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self.simulator.observation(), self._info(~self._ended)

    def step(self, actions: NDArray[Any]) -> tuple[Float32, Array, Flags, Flags, dict[str, Any]]:
        """Carry every account over one bar; those whose episode had ended are opened afresh instead (NEXT_STEP).

        Raises:
            ValueError: an action is none.
        """
        simulator, opened = self.simulator, self._ended
        waiting = np.flatnonzero(opened)
        reward, terminated, truncated, _ = simulator.advance(np.asarray(actions))
        if len(waiting):
            simulator.restart(waiting, self._starting_rows(waiting))
            reward[waiting], terminated[waiting], truncated[waiting] = 0.0, False, False
        ended = terminated | truncated
        if self.same_step:
            return self._restarted(reward, terminated, truncated, ended)
        self._ended = ended
        return simulator.observation(), reward, terminated, truncated, self._info(opened)

    def cursor(self) -> tuple[NDArray[np.int32], Float32]:
        """Return (N,) bars and (N, K) accounts: what must be remembered of the present states."""
        return self.simulator.t.astype(np.int32), self.simulator.account()

    def observe(self, t: NDArray[np.integer[Any]], account: Float32) -> Float32:
        """Return (B, O) observations of remembered states."""
        return self.simulator.observe(t, account)

    def transition(
        self, t: NDArray[np.integer[Any]], account: Float32, action: NDArray[Any]
    ) -> tuple[Array, Float32, Flags, Flags]:
        """Return (B,) rewards, (B, K) next accounts, (B,) terminated, (B,) truncated of remembered states."""
        return self.simulator.transition(t, account, action)

    def state_dict(self) -> dict[str, Any]:
        """Return arrays and one JSON text from which `load_state_dict` goes on exactly here."""
        rngs = [self.np_random, *(self._account_rngs or [])]
        text = json.dumps([rng.bit_generator.state for rng in rngs])
        return {**self.simulator.state(), "ended": self._ended.copy(), "rng": text}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ValueError: it is the state of another number of accounts, or one that the simulator refuses.
        """
        if np.shape(state["ended"]) != (self.num_envs,):
            raise ValueError(f"the state must be of {self.num_envs} environments, was of {len(state['ended'])}")
        self.simulator.restore(state)
        self._ended = np.array(state["ended"])
        shared, *of_accounts = json.loads(state["rng"])
        self.np_random.bit_generator.state = shared
        self._account_rngs = [np.random.default_rng() for _ in of_accounts] or None
        for rng, saved in zip(self._account_rngs or [], of_accounts, strict=True):
            rng.bit_generator.state = saved

    def _restarted(
        self, reward: Array, terminated: Flags, truncated: Flags, ended: Flags
    ) -> tuple[Float32, Array, Flags, Flags, dict[str, Any]]:
        """SAME_STEP: open afresh whoever ended, and tell the last observations beside the first ones."""
        simulator, chosen = self.simulator, np.flatnonzero(ended)
        if not len(chosen):
            return simulator.observation(), reward, terminated, truncated, self._info(ended)
        last, worth = simulator.observation(chosen), np.where(ended, simulator.worth, 0.0)
        simulator.restart(chosen, self._starting_rows(chosen))
        info = self._info(ended)
        info["final_obs"] = np.full(self.num_envs, None, dtype=object)
        for place, row in zip(chosen, last, strict=True):
            info["final_obs"][place] = row
        info["final_info"] = {simulator.measure: worth, f"_{simulator.measure}": ended.copy()}
        info["_final_obs"], info["_final_info"] = ended.copy(), ended.copy()
        return simulator.observation(), reward, terminated, truncated, info

    def _starting_rows(self, chosen: Int) -> Int:
        """(C,) bars at which the episodes of the chosen accounts begin."""
        if self.starts == "sequential":
            return np.zeros(len(chosen), dtype=np.int64)
        rows = self._starting_bars
        if self._account_rngs is not None:
            return rows[[self._account_rngs[place].integers(0, len(rows)) for place in chosen]]
        return rows[self.np_random.integers(0, len(rows), size=len(chosen))]

    def _info(self, opened: Flags) -> dict[str, Any]:
        """What every account has come to, and which of them this step opened afresh."""
        return {self.simulator.measure: self.simulator.worth.copy(), "opened": opened}


def starting_row(options: dict[str, Any] | None, last: int) -> int | None:
    """Return the bar that `options={"start": k}` names, or None.

    Raises:
        ValueError: another option is given, or k lies outside [0, `last`], where episodes can begin.
    """
    unknown = sorted(set(options or {}) - {"start"})
    if unknown:
        raise ValueError(f"options may hold start, held {', '.join(unknown)}")
    start = (options or {}).get("start")
    if start is not None and not 0 <= start <= last:
        raise ValueError(f"start must be a bar in [0, {last}], was {start}")
    return start


def checked_episode_bars(episode_bars: int | None, most: int) -> int:
    """Return the bars of an episode: `episode_bars`, or `most` for None.

    Raises:
        ValueError: it is less than 1, or more than the market can play from its first bar.
    """
    if episode_bars is not None and episode_bars < 1:
        raise ValueError(f"episode_bars must be at least 1 bar or None, was {episode_bars}")
    if episode_bars is not None and episode_bars > most:
        raise ValueError(f"episode_bars must be at most {most}, the bars that can be played, was {episode_bars}")
    return most if episode_bars is None else episode_bars


def check_actions(actions: NDArray[Any], shape: tuple[int, ...], low: float, high: float, slack: float) -> None:
    """Refuse actions of another shape, or more than `slack` outside [low, high].

    Raises:
        ValueError: an action is none.
    """
    fits = actions.shape == shape
    if not (fits and actions.min() >= low - slack and actions.max() <= high + slack):
        law = f"{' x '.join(map(str, shape))} numbers in [{low:g}, {high:g}]"
        raise ValueError(f"actions must be {law}, {f'was {actions}' if fits else f'had the shape {actions.shape}'}")
