"""Robust accuracy: attacks on a model, judged, counted and reported."""
