"""Whose projection DAT's generator follows in a union of norms."""

import pytest

from dat_keras.objectives import DAT, EAT, MSD, AverageUnion, MaxUnion, Radii


def test_in_each_norm_of_avg_it_follows_where_there_is_a_gradient():
    rules = [base.generator_adv_grad for base in AverageUnion(DAT()).bases]
    assert rules == ["projection", "projection", "none"]


def test_a_chosen_rule_stays():
    bases = AverageUnion(DAT(generator_adv_grad="full")).bases
    assert {base.generator_adv_grad for base in bases} == {"full"}


@pytest.mark.parametrize("union", [EAT, MSD, MaxUnion])
def test_of_one_attack_on_the_union_it_follows_linf(union):
    radii = Radii(l2_eps=None)
    union_rules = [
        base.generator_adv_grad for base in union(DAT(), radii).bases
    ]
    assert union_rules == ["projection", "none"]
