"""Files of cases to be told apart: series of unequal length, texts, recordings. Knows no bars."""
