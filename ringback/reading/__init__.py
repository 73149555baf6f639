"""Reading: what Redis holds for people to look at: stored events, the group's progress, dead letters, quarantine.

Nothing here writes to Redis or prints. `entries` and `progress` are what the others are made of.
"""
