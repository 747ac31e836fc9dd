"""From the words of a command line to a typed request, or one clear sentence."""
