"""Where the gradient of a 1x1 convolution of stride 2 crashes the process.

oneDNN's gradient in the kernel reads out of bounds for few input channels on
large images. Each case runs in a child process; a case that survives is also
compared, bit by bit, with a convolution of stride 1 over every second pixel.

    python -m benchmarks.stride2_sweep
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

SIDES = (28, 32, 46, 47, 48, 49, 50, 52, 56, 64, 65, 96, 128, 224)
CHANNELS = (3, 4, 8, 12, 15, 16, 17, 24, 32, 64)
BATCHES = (1, 7, 32)


def main() -> None:
    """Prints one line for each setting of oneDNN and each kind of outcome."""
    cases = list(itertools.product(SIDES, CHANNELS, BATCHES))
    for onednn in "01":
        outcomes: dict[str, list] = {}
        rest = cases
        while rest:
            lines = _child(onednn, rest)
            for case, line in zip(rest, lines, strict=False):
                outcomes.setdefault(line, []).append(case)
            rest = rest[len(lines) :]
        for outcome, found in sorted(outcomes.items()):
            print(f"oneDNN {onednn}: {outcome}: {len(found)}")
            if outcome != "equal":
                print("  side, channels, batch:", *found)


def _child(onednn: str, cases: list) -> list[str]:
    """Outcomes of the first cases; the last may be that the child died."""
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": onednn}
    command = [sys.executable, "-c", CHILD, repr(cases)]
    run = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True
    )
    lines = run.stdout.splitlines()
    return lines if run.returncode == 0 else [*lines, f"rc {run.returncode}"]


CHILD = """
import ast, sys
import tensorflow as tf

@tf.function(reduce_retracing=True)
def gradients(x, w, g, sliced):
    with tf.GradientTape() as tape:
        tape.watch([x, w])
        if sliced:
            y = tf.nn.conv2d(x[:, ::2, ::2], w, 1, "VALID")
        else:
            y = tf.nn.conv2d(x, w, 2, "VALID")
    return y, *tape.gradient(y, [x, w], output_gradients=g)

for side, channels, batch in ast.literal_eval(sys.argv[1]):
    out = -(-side // 2)
    x = tf.random.stateless_normal((batch, side, side, channels), (0, 1))
    w = tf.random.stateless_normal((1, 1, channels, 2 * channels), (0, 2))
    g = tf.random.stateless_normal((batch, out, out, 2 * channels), (0, 3))
    sliced = gradients(x, w, g, True)
    strided = gradients(x, w, g, False)
    same = [bool(tf.reduce_all(a == b)) for a, b in zip(sliced, strided)]
    names = ("output", "image", "kernel")
    odd = [name for name, equal in zip(names, same) if not equal]
    print("equal" if not odd else "rounded otherwise: " + ", ".join(odd),
          flush=True)
"""

if __name__ == "__main__":
    main()
