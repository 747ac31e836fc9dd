"""The defaults of the settings are those of their YAML files, and every range is kept, named and explained."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from trading_env import BatteryConfig, CostConfig, RewardConfig, TradingConfig

FILES = Path(__file__).parents[2] / "conf" / "env"
NO_NUMBER = [float("nan"), float("inf"), -1.0]


@pytest.mark.parametrize(("settings", "file"), [(TradingConfig, "trading"), (BatteryConfig, "battery")])
def test_a_default_is_what_its_file_says(settings, file):
    values = yaml.safe_load((FILES / f"{file}.yaml").read_text())
    assert settings(**values) == settings()
    assert set(values) == {field.name for field in dataclasses.fields(settings)}


@pytest.mark.parametrize("value", NO_NUMBER)
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(CostConfig)])
def test_no_cost_is_negative_or_no_number(name, value):
    with pytest.raises(ValueError, match=name):
        CostConfig(**{name: value})


@pytest.mark.parametrize(
    ("settings", "name", "values", "law"),
    [
        (CostConfig, "fee_bps", [10_000], "less than 10000"),
        (CostConfig, "slippage_per_volatility", [11], "less than or equal to 10"),
        (
            RewardConfig,
            "kind",
            ["sharpe"],
            "must be one of log_growth, drawdown, variance, differential_sharpe, benchmark",
        ),
        (RewardConfig, "penalty", NO_NUMBER, "(greater than or equal to 0|finite)"),
        (RewardConfig, "memory_bars", [*NO_NUMBER, 1.0], "(greater than or equal to 2|finite)"),
        (TradingConfig, "actions", ["any"], "'levels', 'exposure', 'long_weights' or 'long_short_weights'"),
        (TradingConfig, "exposures", [(1.0,), ()], "at least 2 items"),
        (TradingConfig, "execution", ["now"], "'next_open', 'next_close' or 'same_close'"),
        (TradingConfig, "rebalance", ["never"], "'on_change' or 'every_bar'"),
        (TradingConfig, "leverage_cap", [*NO_NUMBER, 0.0], "(greater than 0|finite)"),
        (TradingConfig, "asset_cap", [*NO_NUMBER, 0.0], "(greater than 0|finite)"),
        (TradingConfig, "net_cap", NO_NUMBER, "(greater than or equal to 0|finite)"),
        (TradingConfig, "volume_cap", [*NO_NUMBER, 0.0], "(greater than 0|less than or equal to 1|finite)"),
        (TradingConfig, "volume_cap", [10.0], "less than or equal to 1"),
        (TradingConfig, "delisting_loss", [30.0], "less than or equal to 1"),
        (TradingConfig, "delisting_loss", NO_NUMBER, "(greater than or equal to 0|less than or equal to 1|finite)"),
        (TradingConfig, "maintenance_margin", [1.0, float("nan")], "less than 1"),
        (TradingConfig, "ruin_equity", [1.0, float("nan")], "less than 1"),
        (TradingConfig, "capital", [*NO_NUMBER, 0.0], "(greater than 0|finite)"),
        (TradingConfig, "lot", NO_NUMBER, "(greater than or equal to 0|finite)"),
        (TradingConfig, "min_notional", NO_NUMBER, "(greater than or equal to 0|finite)"),
        (BatteryConfig, "capacity_mwh", [*NO_NUMBER, 0.0], "(greater than 0|finite)"),
        (BatteryConfig, "power_mw", [*NO_NUMBER, 0.0], "(greater than 0|finite)"),
        (BatteryConfig, "charge_efficiency", [93, float("nan")], "less than or equal to 1"),
        (BatteryConfig, "discharge_efficiency", [0.0, -1.0], "greater than 0"),
        (BatteryConfig, "degradation_per_mwh", NO_NUMBER, "(greater than or equal to 0|finite)"),
        (BatteryConfig, "initial_charge", [1.1, float("nan")], "less than or equal to 1"),
        (BatteryConfig, "actions", ["shares"], "'levels' or 'power'"),
        (BatteryConfig, "levels", [(1.0,)], "at least 2 items"),
        (BatteryConfig, "gate_closure_hour", [24], "less than or equal to 23"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_and_law(settings, name, values, law):
    for value in values:
        with pytest.raises(ValueError, match=rf"\n{name}\n.*{law}"):
            settings(**{name: value})


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        (CostConfig, {"half_spread_bps": 6000, "slippage_bps": 6000}, "half_spread_bps and slippage_bps must together"),
        (TradingConfig, {"exposures": (1.0, 1.0)}, r"exposures must be different levels, were \[1.0, 1.0\]"),
        (
            TradingConfig,
            {"exposures": (0.0, 2.0)},
            r"exposures must be within the leverage cap of 1, were \[0.0, 2",
        ),
        (TradingConfig, {"exposures": (0.0, float("nan"))}, "exposures must be within the leverage cap of 1, were"),
        (BatteryConfig, {"levels": (1.0, 1.0)}, "levels must be at least two different shares"),
        (BatteryConfig, {"time_zone": "Houston"}, "time_zone must be a zone such as America/Chicago, was 'Houston'"),
        (BatteryConfig, {"time_zone": "America"}, "time_zone must be a zone such as America/Chicago, was 'America'"),
        (BatteryConfig, {"levels": (0.0, 2.0)}, r"levels.1\n.*less than or equal to 1"),
    ],
)
def test_laws_across_fields_open_with_the_field(settings, values, message):
    with pytest.raises(ValueError, match=message):
        settings(**values)
