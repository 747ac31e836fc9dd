"""Plug-ins for Tradewinds, one of each kind."""
