"""Certified robustness: lower bounds that no attack can go below.

`computation.py` turns a functional Keras model into affine maps, rectifiers,
maxima and sums; `ibp.py` and `crown_ibp.py` bound its margins over a box of
images; `smoothing.py` certifies the classifier that averages over noise.
"""
