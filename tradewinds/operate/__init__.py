"""Registry, champion, retraining, schedule: what keeps a working model in place."""
