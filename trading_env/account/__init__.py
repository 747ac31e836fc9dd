"""A trading account as an environment: actions, rewards, single and vector faces over one simulator."""
