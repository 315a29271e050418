"""The images of `shapes` that tests of whole runs train on."""

import pytest

from dat_keras import data


@pytest.fixture(scope="module")
def small_shapes():
    """The first images of `shapes`, made once."""
    splits = {
        name: data.load_split("shapes", name).take(64)
        for name in ("train", "validation", "test")
    }

    def load(name, names, *, batch_size, limit, seed, data_dir):
        train_split, validation = (splits[n] for n in names)
        return (
            data.Batches(train_split.take(limit), batch_size, seed=seed),
            data.Batches(validation, batch_size, shuffle=False),
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dat_keras.training.train.data.load", load)
        yield
