"""A forecast nobody acts on: temperatures, differences, whatever has no price that could be held."""
