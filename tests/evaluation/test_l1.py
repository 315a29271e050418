"""AutoAttack's parts in L1 through `evaluate`: flags, order, constraints."""

from dataclasses import replace

import numpy as np
from toy_nets import opinionated

from dat_keras.attacks import standard
from dat_keras.core.threat_models import L1
from dat_keras.evaluation.constraints import within_threat_model
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate

EPS = 0.6


def test_standard_in_l1_breaks_at_least_what_its_parts_break(tmp_path):
    model, x, y = opinionated((8, 8, 3), 24)
    parts = standard(L1(EPS))
    for name in ("apgd-ce", "apgd-t", "fab-t"):
        attack = replace(parts[name].attack, steps=6)
        parts[name] = replace(parts[name], attack=attack)
    parts["square"] = replace(parts["square"], queries=20)
    attacks = {
        "whole": AttackEnsemble(parts),
        "ce": AttackEnsemble({"apgd-ce": parts["apgd-ce"]}),
    }
    file = tmp_path / "images.npz"
    report = evaluate(
        model, (x, y), attacks, norm="l1", eps=EPS, save_adversarial=file
    )
    broken = {row.name: np.array(row.broken) for row in report.results}
    assert broken["natural"].sum() < broken["whole"].sum() < len(x)
    assert (broken["whole"] >= broken["ce"]).all()
    images = np.load(file)["whole"]
    assert within_threat_model(images, x, L1(EPS))[1].all()
