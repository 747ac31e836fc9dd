"""A model that `tradewinds models export onnx` wrote, asked over HTTP by onnxruntime and NumPy alone.

    python benchmarks/onnx_server.py onnx 8400
    curl -d '{"bars": [[...], ...], "account": [0.0, 0.0, 0.0]}' http://127.0.0.1:8400

`bars` are the features of the last bars, oldest first, in the order that the answer to GET lists; `account` is what
stands behind them in an observation: of a trading account the exposure held, the target traded on last, the drawdown.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import onnxruntime

FORECASTER, POLICY = (onnxruntime.InferenceSession(f"{sys.argv[1]}/{part}.onnx") for part in ("forecaster", "policy"))
FACTS = json.loads(FORECASTER.get_modelmeta().custom_metadata_map["tradewinds"])
OBSERVE = json.loads(POLICY.get_modelmeta().custom_metadata_map["tradewinds"])["observe"]  # of what the forecaster says


class Handler(BaseHTTPRequestHandler):
    """Answer GET by what goes in, POST by an action."""

    def do_GET(self) -> None:
        """Tell which features go in."""
        self.answer(200, FACTS)

    def do_POST(self) -> None:
        """Decide."""
        try:
            given = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), 1_000_000)))
            told = dict(zip(FACTS["outputs"], FORECASTER.run(None, {"bars": np.float64([given["bars"]])}), strict=True))
            parts = [told[name].reshape(1, -1) for name in OBSERVE] + [np.float32([given["account"]])]
            action = POLICY.run(["action"], {"observation": np.concatenate(parts, axis=1)})[0]
            self.answer(200, {"action": action[0].tolist(), "forecast": told["forecast"][0].tolist()})
        except Exception as error:
            self.answer(400, {"error": str(error)})

    def answer(self, status: int, told: dict) -> None:
        """Send JSON."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())


HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
