"""Training methods, and the table of those that are known by name."""

from __future__ import annotations

from dat_keras.objectives.ard import ARD
from dat_keras.objectives.base import Objective, attacked_view
from dat_keras.objectives.dajat import DAJAT
from dat_keras.objectives.dat import DAT, RecombinedAT
from dat_keras.objectives.fgsm_rs import FGSMRS
from dat_keras.objectives.free_at import FreeAT
from dat_keras.objectives.grad_align import GradAlign
from dat_keras.objectives.ibp import IBP
from dat_keras.objectives.idbh import IDBH
from dat_keras.objectives.las_at import LASAT, LASTRADES
from dat_keras.objectives.mart import MART
from dat_keras.objectives.n_fgsm import NFGSM
from dat_keras.objectives.natural import Natural
from dat_keras.objectives.oa_at import OAAT
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.rslad import RSLAD
from dat_keras.objectives.scarl import SCARL
from dat_keras.objectives.st import ST
from dat_keras.objectives.trades import TRADES
from dat_keras.objectives.unions import (
    EAT,
    MSD,
    AverageUnion,
    MaxUnion,
    Radii,
    UnionObjective,
    method_of,
)

UNIONS: dict[str, type[UnionObjective]] = {
    "max": MaxUnion,
    "avg": AverageUnion,
    "msd": MSD,
    "e-at": EAT,
}
"""Training on a union of threat models, around a method of one, by name."""

OBJECTIVES: dict[str, type[Objective]] = {
    "natural": Natural,
    "fgsm-rs": FGSMRS,
    "n-fgsm": NFGSM,
    "free-at": FreeAT,
    "grad-align": GradAlign,
    "pgd-at": PGDAT,
    "trades": TRADES,
    "mart": MART,
    "st": ST,
    "scarl": SCARL,
    "las-at": LASAT,
    "las-trades": LASTRADES,
    "oa-at": OAAT,
    "ard": ARD,
    "rslad": RSLAD,
    "dajat": DAJAT,
    "idbh": IDBH,
    "ibp": IBP,
    "dat": DAT,
}
"""Training methods by name."""

__all__ = [
    "ARD",
    "DAJAT",
    "DAT",
    "EAT",
    "FGSMRS",
    "IBP",
    "IDBH",
    "LASAT",
    "LASTRADES",
    "MART",
    "MSD",
    "NFGSM",
    "OAAT",
    "OBJECTIVES",
    "PGDAT",
    "RSLAD",
    "SCARL",
    "ST",
    "TRADES",
    "UNIONS",
    "AverageUnion",
    "FreeAT",
    "GradAlign",
    "MaxUnion",
    "Natural",
    "Objective",
    "Radii",
    "RecombinedAT",
    "UnionObjective",
    "attacked_view",
    "method_of",
]
