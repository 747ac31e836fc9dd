"""What this package offers. Imports nothing heavy: it is read whenever `tradewinds` is typed."""

from tradewinds.core.plugins import Kind


def offers() -> dict[str, dict[str, Kind]]:
    """Return by group and name where each plug-in stands; names of groups: docs/plugins.md."""
    return {
        "model": {"dilated": Kind("", "my_project.model:DilatedNetwork")},
        "head": {"expectile": Kind("", "my_project.head:expectile_head")},
        "loss": {"log_cosh": Kind("", "my_project.loss:log_cosh")},
        "reward": {"calm": Kind("", "my_project.reward:Calm")},
        "feature": {"overnight_gap": Kind("", "my_project.feature:overnight_gap")},
        "baseline": {"season_mean": Kind("", "my_project.baseline:season_mean")},
        "metric": {"growth_over_drawdown": Kind("", "my_project.metric:growth_over_drawdown")},
        "section": {"best_and_worst_bars": Kind("", "my_project.section:best_and_worst_bars")},
        "callback": {"by_heart": Kind("", "my_project.callback:ByHeart")},
        "logger": {"json_lines": Kind("", "my_project.logger:JsonLines")},
        "agent": {"momentum": Kind("my_project.agent_config:MomentumConfig", "my_project.agent:train_momentum")},
        "policy": {"momentum": Kind("", "my_project.agent:MomentumPolicy")},
        "series": {"semicolons": Kind("my_project.data_config:SemicolonsConfig", "my_project.series:load_semicolons")},
        "weather": {"daylight": Kind("my_project.data_config:DaylightConfig", "my_project.weather:load_daylight")},
        "env": {"watch": Kind("my_project.task_config:WatchConfig", "my_project.task:WatchTask")},
    }
