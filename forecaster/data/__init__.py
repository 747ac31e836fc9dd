"""A series and what a network reads of it: calendar, features, covariates, splits, windows. Knows no network."""
