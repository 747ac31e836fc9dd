"""What bars and weather must satisfy, and what is said where they do not."""
