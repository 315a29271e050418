"""Training on a union of threat models, around a method of one."""

from dat_keras.objectives.unions.average_union import AverageUnion
from dat_keras.objectives.unions.e_at import EAT
from dat_keras.objectives.unions.max_union import MaxUnion
from dat_keras.objectives.unions.msd import MSD
from dat_keras.objectives.unions.union_objective import (
    Radii,
    UnionObjective,
    method_of,
)

__all__ = [
    "EAT",
    "MSD",
    "AverageUnion",
    "MaxUnion",
    "Radii",
    "UnionObjective",
    "method_of",
]
