"""Cases told apart by class as a task: no series, no agent; learned from some cases, judged on others."""
