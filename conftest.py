"""Settings of the whole test run, doctests included: TensorFlow in silence."""

import os

from dat_keras.utils.runtime import quiet_tensorflow

# Bits are compared between processes: all get the same kernels.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
quiet_tensorflow(verbose=False)
