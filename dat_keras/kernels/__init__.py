"""Faster passes through functional Keras models, with equal results.

BatchNorm folded into convolutions, Winograd's convolution, activations
recomputed in the backward pass, batches trained jointly. The private parts of
Keras that this rests on are named in `functional_graph.py`.
"""
