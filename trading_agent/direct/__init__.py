"""Policy gradient through the ledger: the only folder here that may speak of exposures and ledgers."""
