"""Several methods trained and evaluated alike, side by side in one table."""
