"""The networks, one file an architecture, and their heads. They know tensors: no series, no training."""
