"""Settings chosen by what they come to before any test row: trials of one study, by Optuna.

Knows tasks by their port alone, and no test row: a trial is fitted and scored on a job without what is judged.
"""
