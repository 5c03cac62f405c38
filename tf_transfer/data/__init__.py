"""Image stores, and what they are made from."""
