"""Accuracies that do not fit each other."""

import keras
import numpy as np
import pytest

from dat_keras import data
from dat_keras.architectures import (
    PreActResNet18,
    ResNet18,
    WideResNet34_10,
)
from dat_keras.attacks import APGD, Restarts
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate
from dat_keras.evaluation.plausibility import BEST, best_known, implausible
from dat_keras.evaluation.results import AttackResult


def row(name, broken):
    return AttackResult(name, "", (True,) * broken + (False,) * (100 - broken))


@pytest.mark.parametrize(
    ("broken", "codes"),
    [
        ({"pgd20": 50, "autoattack": 57}, ["gap"]),
        ({"pgd20": 50, "autoattack": 56}, []),
        ({"pgd20": 57, "autoattack": 50}, []),
        ({"pgd20": 50, "pgd100": 48}, ["masking"]),
        ({"pgd20": 50, "pgd100": 52}, []),
        ({"pgd7": 50, "pgd50": 48, "pgd20": 50}, ["masking"]),
        ({"pgd7": 50, "pgd20": 48, "pgd50": 51}, []),
        ({"autoattack": 90}, []),
        ({"pgd20": 50, "pgd100": 40, "autoattack": 60}, ["masking", "gap"]),
    ],
)
def test_what_does_not_fit_is_told(broken, codes):
    found = implausible([row(*each) for each in broken.items()])
    assert [caution.code for caution in found] == codes


@pytest.mark.parametrize(
    ("name", "expected"),
    [("autoattack", ["record"]), ("pgd20", []), ("autoattack-monitor", [])],
)
def test_a_record_is_told(name, expected):
    for broken, codes in ((45, expected), (46, []), (47, [])):
        found = implausible([row(name, broken)], best=0.54)
        assert [caution.code for caution in found] == codes


LISTED = {
    "Sehwag2021Proxy_R18": ("resnet18", 55.54),
    "Rebuffi2021Fixing_R18_ddpm": ("preactresnet18", 56.66),
    "Rade2021Helper_R18_ddpm": ("preactresnet18", 57.09),
    "Gowal2021Improving_R18_ddpm_100m": ("preactresnet18", 58.50),
    "Addepalli2022Efficient_RN18": ("resnet18", 52.48),
    "Addepalli2021Towards_WRN34": ("wrn34", 58.04),
    "Sehwag2021Proxy": ("wrn34", 60.27),
}
"""Entries of RobustBench, CIFAR-10, Linf 8/255, without additional data."""


@pytest.mark.parametrize("name", LISTED)
def test_no_classifier_that_robustbench_lists_is_a_record(name):
    network, percent = LISTED[name]
    best = best_known(network, "cifar10/test", "linf", 8 / 255)
    broken = round(100 * (100 - percent))
    flags = (True,) * broken + (False,) * (10_000 - broken)
    found = implausible([AttackResult("autoattack", "", flags)], best)
    assert [caution.code for caution in found] == []


@pytest.mark.parametrize(
    ("changes", "best"),
    [
        ({}, 0.59),
        ({"model": "wrn34"}, 0.61),
        ({"model": "preactresnet18"}, 0.59),
        ({"model": "resnet8"}, 1.0),
        ({"data": "cifar100/test"}, 1.0),
        ({"norm": "l2"}, 1.0),
        ({"eps": 4 / 255}, 1.0),
        ({"eps": 16 / 255}, 0.59),
        ({"eps": float(np.float32(8 / 255))}, 0.59),
    ],
)
def test_records_are_of_one_network_data_set_and_radius(changes, best):
    setting = {
        "model": "resnet18_branched",
        "data": "cifar10/test",
        "norm": "linf",
        "eps": 8 / 255,
    }
    assert best_known(**(setting | changes)) == best


def test_the_names_are_those_of_our_networks():
    makes = (ResNet18, PreActResNet18, WideResNet34_10)
    nets = [make(10, width=1) for make in makes]
    assert [("cifar10", net.name) for net in nets] == list(BEST)


@pytest.mark.parametrize(("name", "codes"), [("resnet18", 1), ("mine", 0)])
def test_a_report_tells_of_a_record(name, codes):
    layers = [keras.Input((5, 5, 1)), keras.layers.Flatten()]
    kernel, bias = np.zeros((25, 10), "f"), 5 * np.eye(10, dtype="f")[3]
    logits = keras.layers.Dense(10)
    model = keras.Sequential([*layers, logits], name=name)
    logits.set_weights([kernel, bias])
    images = np.full((3, 5, 5, 1), 128, np.uint8)
    split = data.Split(
        images, np.array([3, 3, 3]), tuple("abcdefghij"), "cifar10/test"
    )
    short = Restarts(APGD(Linf(8 / 255), steps=1))
    report = evaluate(
        model, split, {"autoattack": AttackEnsemble({"a": short})}
    )
    found = [caution.code for caution in report.cautions]
    assert found.count("record") == codes
