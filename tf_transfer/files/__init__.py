"""Files that cannot be half-written, damaged unseen, or do harm when read; and processes of this package."""
