"""What attacks do to amplitude and phase of images, as numbers and pictures.

`analyze` measures classifiers, `SpectralReport` is its result. Only the
`*_plots.py` files need matplotlib.
"""
