"""Files that are never half-written, never damaged unseen, and harmless to read; used by every other room."""
