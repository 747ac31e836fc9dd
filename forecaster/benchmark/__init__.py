"""The long-horizon papers' protocol on the training of this room; nothing else in it may know the papers."""
