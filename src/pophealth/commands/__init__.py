"""I am what a person types: each module registers a family of commands."""
