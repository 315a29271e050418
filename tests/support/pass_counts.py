"""The passes through the classifier that each method needs at least."""

# The fewest forward passes, backward passes to the input and to the weights
# of one step with the published attack: clean logits are computed once for
# an attack, and nothing twice.
LEAST = {
    "natural": (1, 0, 1),
    "fgsm-rs": (2, 1, 1),
    "n-fgsm": (2, 1, 1),
    "free-at": (1, 0, 1),
    "grad-align": (4, 3, 3),
    "pgd-at": (11, 10, 1),
    "trades": (13, 10, 2),
    "mart": (12, 10, 2),
    # The published code spends one forward pass more, on a first choice of
    # roles that its first step makes again.
    "st": (33, 30, 3),
    "scarl": (13, 10, 2),
    # With 14 steps, between two updates of the strategy.
    "las-at": (15, 14, 1),
    # The same, with a clean pass for the divergence; its strategy learns every
    # step, and that is left out as above.
    "las-trades": (17, 14, 2),
    # Its first quarter: 5 steps on the cross-entropy.
    "oa-at": (7, 5, 2),
    # And a forward pass of the teacher.
    "ard": (11, 10, 1),
    "rslad": (12, 10, 2),
    "dajat": (16, 10, 4),
    "idbh": (11, 10, 1),
    # The intervals, two more passes each way, are not calls of layers.
    "ibp": (1, 0, 1),
    "dat": (17, 10, 4),
}
