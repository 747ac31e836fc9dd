"""A trading account: exposures, one ledger, and the strategies beside the agent."""
