"""What a table of results says: statistics alone, no files."""
