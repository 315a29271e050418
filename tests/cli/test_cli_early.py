"""What a command can refuse by plain files and names needs no TensorFlow."""

import json
import subprocess
import sys

import pytest

from dat_keras.cli import _datasets, _names
from dat_keras.core.threat_models import THREAT_MODELS
from dat_keras.data import DATASETS
from dat_keras.evaluation.protocols import PROTOCOLS
from dat_keras.evaluation.suites import EVALUATIONS
from dat_keras.utils.norms import DEFAULT_EPS

EVALUATE = ("evaluate", "half")
EXPORT = ("export", "cifar10-dat-resnet18-w16", "--format", "keras", "-o")
PUSH = ("push", "half", "alice/net", "--license", "mit")
IMPORT = ("import-torch", "page.pt", "--architecture", "resnet18", "-o", "new")

CASES = [
    (("train", "--output", "/proc/nope"), 2, "cannot write to /proc/nope"),
    (("train", "--output", "half"), 2, "--resume or --overwrite"),
    (("train", "--output", "pulled"), 2, "other files"),
    (("evaluate", "empty"), 2, "neither a run folder nor"),
    (("evaluate", "empty/nothing"), 2, "neither a run folder nor"),
    (("evaluate", "net.keras"), 2, "neither a run folder nor"),
    (("evaluate", "shapes-dat-resnet88"), 3, "'shapes-dat-resnet8'"),
    ((*EVALUATE, "--weights", "last"), 6, "has no last weights yet"),
    ((*EVALUATE, "--attack", "natural, pdg20"), 2, "Did you mean 'pgd20'"),
    ((*EVALUATE, "--attack", "pgd0"), 2, "Unknown attack 'pgd0'"),
    ((*EVALUATE, "--dataset", "cifr10"), 2, "Did you mean 'cifar10'"),
    ((*EVALUATE, "--dataset", "no/such"), 2, "no no/such/train"),
    (
        ("analyze", "half", "--dataset", "cifr10", "-o", "new"),
        2,
        "Did you mean 'cifar10'",
    ),
    (("train", "--dataset", "cifr10"), 2, "Did you mean 'cifar10'"),
    (("train", "--dataset", "./nowhere"), 2, "--dataset must be a name"),
    (("bench", "--dataset", "cifr10"), 2, "Did you mean 'cifar10'"),
    (("train", "--method", "dta"), 2, "Did you mean 'dat'"),
    (("train", "--method", "dat+apw"), 2, "Did you mean 'awp'"),
    (("bench", "--method", "trads"), 2, "Did you mean 'trades'"),
    (
        ("train", "--recipe", "dat-cifar10-resnet81"),
        2,
        "Did you mean 'dat-cifar10-resnet8'",
    ),
    (("compare", "--methods", "dat,mrat"), 2, "Did you mean 'mart'"),
    (("compare", "--row", "a: mart+sawp"), 2, "Unknown addition 'sawp'"),
    (("compare", "--recipe", "dat-shapes-resnt8"), 2, "Unknown method or"),
    (("list", "--recipes", "nonesuch"), 2, "Unknown recipe 'nonesuch'"),
    (
        ("train", "--architecture", "keras_cv/resnt50"),
        2,
        "Did you mean 'keras_cv/resnet50'",
    ),
    (("bench", "--architecture", "resnet9"), 2, "Did you mean 'resnet8'"),
    (
        ("compare", "--methods", "dat", "--architecture", "resnet81"),
        2,
        "Did you mean 'resnet8'",
    ),
    (
        ("compare", "--methods", "dat", "--resume", "--overwrite"),
        2,
        "give either",
    ),
    (("list", "--architectures", "--methods"), 2, "Give one of"),
    (("list", "--methods", "--dataset", "cifar10"), 2, "select models"),
    (("list", "--no-token"), 2, "need --remote"),
    (("pull", "a/b", "--offline", "--verify-remote"), 2, "asks the Hub"),
    (
        ("compare", "--methods", "dat", "--dataset", "shpaes"),
        2,
        "Did you mean 'shapes'",
    ),
    (("info", "shapes-dat-resnet88"), 3, "'shapes-dat-resnet8'"),
    ((*EVALUATE, "--norm", "l7"), 2, "Unknown norm 'l7'"),
    (
        (*EVALUATE, "--attack", "fmn,cw", "--eps-curve", "0:1/4:3"),
        2,
        "--eps-curve takes --attack fab and fmn",
    ),
    ((*EVALUATE, "--eps-curve"), 2, "--eps-curve takes --attack fab and fmn"),
    ((*EVALUATE, "--eps-curve", "0:1"), 2, "expected FROM:TO:N"),
    (
        (*EVALUATE, "--attack", "fmn", "--eps-curve", "0:8:9"),
        2,
        "radii in [0, 1]",
    ),
    ((*EVALUATE, "--protocol", "strcit"), 2, "Did you mean 'strict'"),
    ((*EVALUATE, "half", "--robustbench", "r"), 2, "take one model"),
    ((*EVALUATE, "--robustbench", "r"), 2, "needs --attack autoattack"),
    (("export", "empty", "--format", "keras", "-o", "a.keras"), 2, "neither"),
    ((*EXPORT[:3], "kears", "-o", "a.keras"), 2, "Did you mean 'keras'"),
    ((*EXPORT, "a.h5"), 2, "must end in .keras"),
    ((*EXPORT, "there.keras"), 7, "there.keras exists"),
    (PUSH, 6, "has no best weights yet"),
    (("push", "empty", *PUSH[2:]), 2, "neither a run folder nor"),
    ((*PUSH[:2], "alice", *PUSH[3:]), 2, "a repository is `namespace/name`"),
    ((*PUSH[:3], "--license", "mitt"), 2, "Did you mean 'mit'"),
    (
        ("push", "pulled", *PUSH[2:], "--report", "page.pt"),
        6,
        "holds no report",
    ),
    (
        ("push", "pulled", *PUSH[2:], "--token", "a", "--no-token"),
        2,
        "not both",
    ),
    (IMPORT, 6, "page.pt is a web page"),
    (("import-torch", "no.pt", *IMPORT[2:]), 3, "there is no file no.pt"),
    ((*IMPORT[:3], "resnet81", "-o", "new"), 2, "Did you mean 'resnet18'"),
    ((*IMPORT, "--mean", "0.5,0.5,0.5"), 2, "or neither"),
    ((*IMPORT[:5], "half"), 7, "half is not empty"),
]
CODE = """
import json, sys
from click.testing import CliRunner
from dat_keras.cli import main
told = []
for arguments in json.loads(sys.argv[1]):
    result = CliRunner().invoke(main, arguments)
    heavy = sorted({"keras", "tensorflow"} & sys.modules.keys())
    told.append((result.exit_code, result.stderr, heavy))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What one process, which begins without TensorFlow, says to each case."""
    folder = tmp_path_factory.mktemp("early")
    for name in ("empty", "half", "pulled"):
        (folder / name).mkdir()
    (folder / "half" / "recipe.json").write_text("{}")
    for name in ("config.json", "model.safetensors"):
        (folder / "pulled" / name).write_text("{}")
    (folder / "there.keras").touch()
    (folder / "page.pt").write_text("<html>")
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps([case[0] for case in CASES])],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(range(len(CASES)), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(
    ("number", "arguments", "code", "line"),
    [
        pytest.param(i, *case, id=" ".join(case[0]))
        for i, case in enumerate(CASES)
    ],
)
def test_it_is_refused_without_tensorflow(told, number, arguments, code, line):
    exit_code, said, heavy = told[number]
    assert exit_code == code, said
    assert line in said
    assert heavy == []


def test_the_names_are_those_of_the_tables():
    assert list(_names.EVALUATIONS) == list(EVALUATIONS)
    assert list(_names.PROTOCOLS) == list(PROTOCOLS)
    assert list(_datasets.DATASETS) == list(DATASETS)
    assert DEFAULT_EPS.keys() == THREAT_MODELS.keys()


def test_names_that_tfds_knows_are_left_to_it(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "folder" / "train").mkdir(parents=True)
    folder = str(tmp_path / "folder")
    for name in ("svhn_cropped", "cifar10_corrupted/fog_1", folder, None):
        _datasets.check_dataset(name)
    _datasets.check_dataset("mine", tmp_path)
    with pytest.raises(ValueError, match="Unknown data set 'mine'"):
        _datasets.check_dataset("mine")
