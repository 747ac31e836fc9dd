"""What forecasts are for. Each folder fills the port of `tradewinds.pipeline.task`; none knows another."""
