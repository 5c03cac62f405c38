"""The commands: each module holds the flags of one, and what it does. `bin/NAME.py` and `tf-transfer NAME` are one."""
