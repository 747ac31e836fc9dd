"""What `fresh` asks of a new process: to read the features of a world. Imports no torch, so that it begins at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.data.panel import build_panel_features
from forecaster.data.splits import Split
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.request.schema import request_from
from tradewinds.tasks import task_of


def read_features(plain: Mapping[str, Any], parts: Parts, split: Split) -> dict[str, list[tuple[int, NDArray[Any]]]]:
    """Prepare a request and return the features of what is traded, as a trace holds them."""
    config = request_from(plain)
    prepared = prepared_from(config, task_of(config), parts, split)
    tables = build_panel_features(prepared.series, prepared.config.features)
    return {"features": [(0, np.concatenate([table.values for table in tables], axis=1))]}
