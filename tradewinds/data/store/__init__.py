"""What was fetched, kept and brought up to date."""
