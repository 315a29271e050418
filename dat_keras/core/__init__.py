"""Shared basics: tensor types, threat models, gradients, random keys."""
