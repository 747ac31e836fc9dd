"""One file per command of the door; each offers `main(config, console) -> outcome as plain data`.

What loads torch is imported once the job stands: a request that its data refuse is refused at once.
"""
