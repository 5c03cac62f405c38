"""What a table of results says: statistics alone, no files. `summary.summarise` is the way in."""
