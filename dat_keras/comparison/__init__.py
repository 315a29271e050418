"""Trains and evaluates several methods alike, and tabulates the results."""
