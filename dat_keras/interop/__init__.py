"""Models from and for other frameworks: PyTorch weights in, exports out."""
