"""Evaluation contexts of small models."""

from dat_keras.classifiers.predictor import Predictor
from dat_keras.evaluation.context import EvaluationContext
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.samples import first_samples
from dat_keras.evaluation.sanity_checks import check_fit


def context_of(model, x, y, ball, **changes):
    samples = first_samples((x, y))
    check_fit(model, samples)
    fields = {
        "predict": Predictor(model),
        "samples": samples,
        "threat_model": ball,
        "protocol": PROTOCOLS["strict"],
        "batch_size": 16,
    }
    return EvaluationContext(**(fields | changes))
