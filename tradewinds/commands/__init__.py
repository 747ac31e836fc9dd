"""One file per command of the door; each offers `main(config, console) -> outcome as plain data`."""
