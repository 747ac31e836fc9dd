"""Any environment of Gymnasium as a task: no series, no forecaster, episodes; heavy parts load when used."""

import base64
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from gymnasium.vector import AutoresetMode, VectorEnv

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_bytes
from tradewinds.pipeline.prepare import check_surroundings, seed_for
from tradewinds.pipeline.records import Attempt, Duel, Forecasts, Outcome, Validated
from tradewinds.pipeline.task import Job, Models, Plans
from tradewinds.pipeline.training_log import HISTORY
from tradewinds.request.schema import Config
from tradewinds.tasks.gymnasium.curves import curves_beside
from tradewinds.tasks.gymnasium.episodes import episodes_of, make
from tradewinds.tasks.gymnasium.named import categories_of, modules_of, own_limit, spec_of
from tradewinds.tasks.random_policy import RandomPolicy

if TYPE_CHECKING:
    from tradewinds.pipeline.encoding import States
    from trading_agent import Policy


LENGTH, CUT = "length", "cut"  # of an episode: its steps, and whether it was truncated
VIDEO = "video.gif"
FILMED, SHOWN = 300, 8  # steps of an episode that are drawn for a report, and pictures of them that it shows


class GymnasiumTask:
    """Play an environment by its name; see `tradewinds.pipeline.task.Task`. What reads bars is never asked for."""

    kind = "gymnasium"
    folder = "backtest"
    acts_on_several = False
    acts = True
    plans: Plans = MappingProxyType({})
    rival = "random"
    curve: Literal["equity", "profit", "none"] = "none"

    def job(self, config: Config) -> Job:
        """Return the request as a job: there is nothing to load.

        Raises:
            RequestError: the environment cannot be made, or results cannot be written.
        """
        check_surroundings(config)
        name = config.env.id
        make(config.env, 1).close()
        inputs = {"series": name, "env": name, "sha256": name, "sources": []}
        return Job(config, cast(Any, self), config.run.name or re.sub(r"[^A-Za-z0-9_-]", "_", name), (), inputs)

    def told(self, job: Job) -> str:
        """Say what is played."""
        return f"{job.config.env.id}: an environment of Gymnasium; nothing is forecast"

    def vector_env(
        self,
        job: Job,
        states: "States | None",
        part: Literal["agent", "validation"],
        *,
        num_envs: int,
        episode_bars: int | None = None,
        starts: Literal["sequential", "random"] = "sequential",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> VectorEnv[Any, Any, Any]:
        """Return N environments; how long an episode lasts and where it starts is the environment's own business."""
        return make(job.config.env, num_envs, autoreset_mode, categories_of(job.config.agent))

    def validator(self, job: Job, states: "States | None") -> "Callable[[Policy], float]":
        """Score a policy by its mean return over the validation episodes."""
        from trading_agent import episode_returns

        rules, seed = job.config.env, seed_for(job.config.seed, "validation")
        env = make(rules, rules.validation_episodes, categories=categories_of(job.config.agent))
        return lambda policy: float(episode_returns(policy, env, rules.validation_episodes, seed=seed).mean())

    def unjudged(self, job: Job) -> Job:
        """Return the job as it is: the episodes that are judged are drawn when they are played."""
        return job

    def validated(self, job: Job, models: Models) -> Validated:
        """Return the returns of validation episodes of their own, and those of random play from the same starts."""
        rules, categories = job.config.env, categories_of(job.config.agent)
        seed = seed_for(job.config.seed, "search")
        random = RandomPolicy(make(rules, 1).single_action_space, seed_for(job.config.seed, "random"))
        ours, theirs = (
            episodes_of(policy, rules, rules.episodes, seed=seed, categories=categories).returns
            for policy in (models.acting(), random)
        )
        goals = {"score": float(ours.mean())}
        return Validated(goals, {"score": ours - theirs}, {"score": "random play"})

    def test_span(self, job: Job) -> dict[str, Any]:
        """Return how many fresh episodes are played, and the seed of their starts."""
        return {"episodes": job.config.env.episodes, "seed": seed_for(job.config.seed, "judgement")}

    def decide(self, job: Job, models: Models, rows: range) -> pd.DataFrame:
        """Play the fresh episodes: (E, 6) returns, lengths and cuts of agent and random play, from the same starts."""
        rules, seed = job.config.env, self.test_span(job)["seed"]
        categories = categories_of(job.config.agent)
        space = make(rules, 1).single_action_space
        policies = {"agent": models.acting(), self.rival: RandomPolicy(space, seed_for(job.config.seed, "random"))}
        columns: dict[str, Any] = {}
        for name, policy in policies.items():
            played = episodes_of(policy, rules, rules.episodes, seed=seed, categories=categories)
            columns |= {name: played.returns, f"{name}_{LENGTH}": played.lengths, f"{name}_{CUT}": played.cut}
        return pd.DataFrame(columns, index=pd.RangeIndex(1, rules.episodes + 1, name="episode"))

    def outcome(self, job: Job, decisions: pd.DataFrame) -> Outcome:
        """Return the returns of the episodes, and their moments."""
        returns = decisions[["agent", self.rival]]
        metrics = {
            str(name): {
                "return_mean": float(column.mean()),
                "return_sd": float(column.std(ddof=1)),
                "return_min": float(column.min()),
                "return_max": float(column.max()),
                "length_mean": float(decisions[f"{name}_{LENGTH}"].mean()),
                "cut_episodes": int(decisions[f"{name}_{CUT}"].sum()),
                "episodes": len(column),
            }
            for name, column in returns.items()
        }
        return Outcome(returns, returns, metrics, decisions)

    def score(self, job: Job, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Return nothing: nothing is forecast."""
        return Forecasts(scores={})

    def rescore(self, job: Job, models: Models, forecasts: Forecasts) -> None:
        """Return None: nothing is forecast."""

    def inference(self, job: Job, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
        """Return 95 % intervals of the mean return and of its lead over random play, episodes drawn anew."""
        from tradewinds.evaluation.inference import interval_block

        agent, draws = outcome.earned("agent"), job.config.backtest.bootstrap_draws
        series = {"return_ci95": (agent, None), "lead_over_random_ci95": (agent - outcome.earned(self.rival), None)}
        seed = seed_for(job.config.seed, "bootstrap")
        return interval_block(series, draws=draws, seed=seed, unit="episodes", block=1.0)

    def attempt(self, job: Job, outcome: Outcome) -> Attempt | None:
        """Return None: fresh episodes can be drawn without end, so that no test span is used up."""
        return None

    def sections(
        self, job: Job, models: Models, outcome: Outcome | None, forecasts: Forecasts, honesty: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return environment, returns, verdict and warnings for report.json."""
        assert outcome is not None
        facts = models.artifacts["agent"].manifest["facts"]
        agent, random = outcome.metrics["agent"], outcome.metrics[self.rival]
        interval = honesty["return_ci95"]
        within = "" if interval is None else f" (95 % interval {interval[0]:.1f} to {interval[1]:.1f})"
        learned = models.acting().kind != "constant"
        remarks = [] if learned else ["nothing the agent learned beat one constant action on the validation episodes"]
        cuts, rules = agent["cut_episodes"], job.config.env
        if cuts and not own_limit(rules):
            remarks.append(
                f"{cuts} of {agent['episodes']} episodes were cut after {rules.max_episode_steps:,} steps "
                "(env.max_episode_steps): the environment names no limit of its own"
            )
        return {
            "data": {
                "name": job.config.env.id,
                "sha256": job.inputs["sha256"],
                "instruments": [],
                "max_episode_steps": spec_of(rules).max_episode_steps,
                "splits": {"test": {**self.test_span(job), "rows": [0, outcome.metrics["agent"]["episodes"]]}},
            },
            "backtest": {
                "strategies": {
                    name: {"metrics": metrics, "seed": job.config.seed} for name, metrics in outcome.metrics.items()
                },
                "agent": {name: facts[name] for name in ("best_step", "validation_score")},
            },
            "verdict": f"Over {agent['episodes']} fresh episodes the agent's return was {agent['return_mean']:.1f} on "
            f"average{within}, {agent['return_min']:.1f} at worst; random play had {random['return_mean']:.1f}.",
            "remarks": remarks,
        }

    def enjoy(self, trained: Config, policy: "Policy", *, asked: Config, run: Path, console: Console) -> dict[str, Any]:
        """Play fresh episodes with a trained policy and tell its returns; write a video into `run`.

        Raises:
            RequestError: the environment is code of a module that a file names, and nobody typed.
        """
        from tradewinds.evaluation.inference import mean_interval
        from tradewinds.tasks.gymnasium.film import Unfilmed, film, video

        rules, seed, categories = trained.env, seed_for(asked.seed, "enjoy"), categories_of(trained.agent)
        if strange := modules_of(rules) - modules_of(asked.env):
            names = ", ".join(sorted(strange))
            raise RequestError(
                f"this run plays code of your own, of {names}, and none is loaded because a file names it: type "
                f"env.id={rules.id} too" + (", and env.wrappers as it had them" if rules.wrappers else "")
            )
        played = episodes_of(policy, rules, asked.enjoy.episodes, seed=seed, categories=categories)
        mean, least, most = (float(number(played.returns)) for number in (np.mean, np.min, np.max))
        interval = mean_interval(played.returns, draws=asked.backtest.bootstrap_draws, seed=seed, block=1.0)
        within = "" if interval is None else f" (95 % interval {interval[0]:.2f} to {interval[1]:.2f})"
        console.result(
            f"{rules.id}: return {mean:.2f}{within} over {len(played.returns)} fresh episodes, "
            f"{least:.2f} to {most:.2f}; {played.lengths.mean():.0f} steps on average"
        )
        path: Path | None = None
        try:
            if asked.enjoy.pictures:
                pictures, rate = film(policy, rules, seed=seed, most=asked.enjoy.pictures, categories=categories)
                path = run / VIDEO
                write_bytes(path, video(pictures, rate))
                console.wrote(path)
        except Unfilmed as reason:
            console.note(f"note: no video: {reason}")
        return {
            "return_mean": mean,
            "return_ci95": interval,
            "return_min": least,
            "return_max": most,
            "episodes": len(played.returns),
            "video": None if path is None else str(path),
        }

    def tables(self, job: Job, models: Models, outcome: Outcome | None) -> dict[str, pd.DataFrame]:
        """Return the returns by episode, what this training and those of other seeds measured, and pictures if had."""
        assert outcome is not None
        agent = models.artifacts["agent"].folder
        return {
            "episodes": outcome.record.reset_index(),
            "training": pd.read_csv(agent / HISTORY),
            "seeds": curves_beside(agent.parent, job.config.deciding()),
            "strip": self._strip(job, models),
        }

    def _strip(self, job: Job, models: Models) -> pd.DataFrame:
        """Return the (1,) column `png`, in base64, of an episode in pictures; no row where it cannot be drawn."""
        from tradewinds.tasks.gymnasium.film import Unfilmed, film, strip

        rules, seed = job.config.env, self.test_span(job)["seed"]
        try:
            pictures, _ = film(
                models.acting(), rules, seed=seed, most=FILMED, categories=categories_of(job.config.agent)
            )
        except Unfilmed:
            return pd.DataFrame({"png": pd.Series([], dtype=str)})
        return pd.DataFrame({"png": [base64.b64encode(strip(pictures, SHOWN)).decode()]})

    def lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell the returns of agent and random play."""
        from tradewinds.tasks.gymnasium.report import episode_lines

        return list(episode_lines(document))

    def page(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
        """Draw report.html."""
        from tradewinds.tasks.gymnasium.report import episode_page

        return episode_page(document, folder)

    def picture(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> bytes:
        """Draw report.png."""
        from tradewinds.tasks.gymnasium.report import episode_picture

        return episode_picture(document, folder)

    def as_trained(self, now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present rules: an agent's environment is its name."""
        return now

    def duel(self, challenger: tuple[Job, Models], champion: tuple[Job, Models], rows: range, which: str) -> Duel:
        """Compare returns from the same starts: the challenger must lead beyond luck, its interval above the margin."""
        from tradewinds.evaluation.inference import mean_interval

        job = challenger[0]
        rules, seed = job.config.env, seed_for(job.config.seed, "duel")
        returns = [
            episodes_of(
                models.acting(), rules, rules.episodes, seed=seed, categories=categories_of(one.config.agent)
            ).returns
            for one, models in (challenger, champion)
        ]
        lead = returns[0] - returns[1]
        interval = mean_interval(lead, draws=job.config.backtest.bootstrap_draws, seed=seed, block=1.0)
        mean = float(np.mean(lead))
        facts = {"lead": mean, "lead_ci95": interval, "episodes": len(lead)}
        if interval is None:
            reason = f"its lead over {{champion}} cannot be told from luck on {len(lead)} episodes (env.episodes)"
            return Duel(False, mean, reason, facts)
        wins = interval[0] > job.config.retrain.margin
        reason = (
            f"its return leads {{champion}}'s by {mean:+.2f} (95 % interval {interval[0]:+.2f} to "
            f"{interval[1]:+.2f}), which {'is' if wins else 'is not'} more than {job.config.retrain.margin:g} on the "
            f"same {len(lead)} fresh episodes"
        )
        return Duel(wins, mean, reason, facts)
