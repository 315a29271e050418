"""Who trains together, as TF_CONFIG says."""

import json

import pytest

from dat_keras.utils.cluster import Cluster


def read(cluster, role, index):
    config = {"cluster": cluster, "task": {"type": role, "index": index}}
    return Cluster.of_environment({"TF_CONFIG": json.dumps(config)})


def test_the_first_worker_writes_unless_there_is_a_chief():
    first, second = (
        read({"worker": ["a:1", "b:1"]}, "worker", i) for i in (0, 1)
    )
    assert first.is_chief and not second.is_chief
    assert second.others == ("a:1",)
    cluster = {"worker": ["a:1", "b:1"], "chief": ["c:1"]}
    assert read(cluster, "chief", 0).is_chief
    worker = read(cluster, "worker", 0)
    assert not worker.is_chief and worker.others == ("c:1", "b:1")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, '
        '"task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "a:1"]}, '
        '"task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, '
        '"task": {"type": "worker", "index": 0}}',
    ],
)
def test_anything_else_is_refused_in_one_sentence(text):
    environment = {} if text is None else {"TF_CONFIG": text}
    with pytest.raises(ValueError, match="multiworker needs.*Received: ."):
        Cluster.of_environment(environment)
