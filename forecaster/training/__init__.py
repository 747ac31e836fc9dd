"""How a network is fitted: module, trainer, precision, ensembles. Knows no scores and no files of the caller."""
