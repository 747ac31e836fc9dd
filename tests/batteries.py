"""What a storage unit of the experiments is told to be forecast by the hour, by a network that is fitted once."""

BY_BARS = (
    "model=segment_lstm",
    "trainer=adamw",
    "model.context_length=168",
    "model.horizon=25",
    "model.segment_length=24",
    "model.linear_skip=true",
)
