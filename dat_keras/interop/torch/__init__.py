"""Weights trained in PyTorch for this library's architectures.

A checkpoint is read as data: no pickled code runs, and PyTorch need not be
installed.
"""
