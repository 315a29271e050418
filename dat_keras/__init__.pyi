from . import architectures as architectures
from . import attacks as attacks
from . import augment as augment
from . import corruptions as corruptions
from . import data as data
from . import losses as losses
from . import objectives as objectives
from . import optimizers as optimizers
from . import recipes as recipes
from . import spectral as spectral
from .analysis.analyze import analyze as analyze
from .analysis.report import SpectralReport as SpectralReport
from .analysis.robustness.robustness_report import (
    RobustnessReport as RobustnessReport,
)
from .analysis.robustness.write_report import write_report as write_report
from .classifiers.input_adapter import InputAdapter as InputAdapter
from .classifiers.split_batch_norm import split_batch_norm as split_batch_norm
from .comparison.paired_differences import (
    PairedDifferences as PairedDifferences,
)
from .comparison.paired_differences import (
    paired_differences as paired_differences,
)
from .core.threat_models import L1 as L1
from .core.threat_models import L2 as L2
from .core.threat_models import Linf as Linf
from .core.threat_models import ThreatModel as ThreatModel
from .corruptions.corrupt import corrupt as corrupt
from .evaluation.corruption_report import CorruptionReport as CorruptionReport
from .evaluation.report import Report as Report
from .evaluation.union_report import UnionReport as UnionReport
from .objectives import ARD as ARD
from .objectives import DAJAT as DAJAT
from .objectives import DAT as DAT
from .objectives import EAT as EAT
from .objectives import FGSMRS as FGSMRS
from .objectives import IBP as IBP
from .objectives import IDBH as IDBH
from .objectives import LASAT as LASAT
from .objectives import LASTRADES as LASTRADES
from .objectives import MART as MART
from .objectives import MSD as MSD
from .objectives import NFGSM as NFGSM
from .objectives import OAAT as OAAT
from .objectives import PGDAT as PGDAT
from .objectives import RSLAD as RSLAD
from .objectives import SCARL as SCARL
from .objectives import ST as ST
from .objectives import TRADES as TRADES
from .objectives import AverageUnion as AverageUnion
from .objectives import FreeAT as FreeAT
from .objectives import GradAlign as GradAlign
from .objectives import MaxUnion as MaxUnion
from .objectives import Natural as Natural
from .objectives import Objective as Objective
from .objectives import Radii as Radii
from .objectives import RecombinedAT as RecombinedAT
from .objectives.weight_perturbation import (
    WeightPerturbation as WeightPerturbation,
)
from .optimizers import Averaging as Averaging
from .recipes import Recipe as Recipe
from .training import callbacks as callbacks
from .training import metrics as metrics
from .training.harden import rate_factors as rate_factors
from .training.model import AdversarialModel as AdversarialModel
from .training.train import train as train
from .zoo.commands.evaluate import attack as attack
from .zoo.commands.evaluate import certify as certify
from .zoo.commands.evaluate import evaluate as evaluate
from .zoo.commands.evaluate import (
    evaluate_corruptions as evaluate_corruptions,
)
from .zoo.commands.evaluate import evaluate_union as evaluate_union
from .zoo.commands.evaluate import transfer_matrix as transfer_matrix
from .zoo.commands.harden import harden as harden
from .zoo.commands.load import load_model as load_model

__version__: str
