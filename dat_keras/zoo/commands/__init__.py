"""What `list`, `info`, `pull` and `evaluate` do with a model's name."""
