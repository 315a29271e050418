"""An adversarial model in a `.keras` file, with its optimizers and its state.

Classifier, optimizer and metrics are stored as Keras stores them, the settings
by `plain_settings.py`. The rest are variables: weights, the learned adversary,
both optimizers' moments, the weight average and the counters. So the model
that is read takes the steps that the saved one would have taken.
"""

from __future__ import annotations

from typing import Any

import keras

from dat_keras.classifiers.inspection import random_states
from dat_keras.training.averaged_model import AveragedModel
from dat_keras.training.plain_settings import from_plain, to_plain

SETTINGS = ("objective", "augment", "eval_attack", "weight_perturbation")
"""Arguments of the model that are dataclasses."""


class SerializableModel(AveragedModel):
    """Saves and restores all that an `AdversarialModel` is made from."""

    objective: Any
    augment: Any
    eval_attack: Any
    weight_perturbation: Any
    attack_warmup: float
    attack_dtype: str | None
    seed: int
    clip_norm: float | None
    auto_scale_loss: bool

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the model as plain data.

        Raises:
            ValueError: If a setting cannot be saved; see `to_plain`.
        """
        return {
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            **{name: to_plain(getattr(self, name), name) for name in SETTINGS},
            "attack_warmup": self.attack_warmup,
            "attack_dtype": self.attack_dtype,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SerializableModel:
        """Returns the model of a configuration, with untrained weights.

        Args:
            config: What `get_config` returned.
        """
        built = {name: from_plain(config[name]) for name in SETTINGS}
        built["classifier"] = keras.saving.deserialize_keras_object(
            config["classifier"]
        )
        return cls(**{**config, **built})

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile` as plain data, if it was run."""
        config = super().get_compile_config()
        if not config:
            return config
        for name, robust in (
            ("metrics", self.validation.plain),
            ("weighted_metrics", self.validation.weighted),
        ):
            # Keras was not given these, and never knows of an average.
            more = keras.saving.serialize_keras_object(robust)
            config[name] = [*(config.get(name) or ()), *more] or None
        averaging = self.average and self.average.averaging
        config["averaging"] = to_plain(averaging, "averaging")
        config["clip_norm"] = self.clip_norm
        config["auto_scale_loss"] = self.auto_scale_loss
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model as the saved one was.

        Args:
            config: What `get_compile_config` returned.
        """
        averaging = from_plain(config["averaging"])
        others = {k: v for k, v in config.items() if k != "averaging"}
        others = keras.saving.deserialize_keras_object(others)
        self.compile(averaging=averaging, **others)

    def save_own_variables(self, store: Any) -> None:
        """Saves the counters and the states of the net's random layers."""
        super().save_own_variables(store)
        for name, state in random_states(self.classifier).items():
            store[name] = state.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Loads what `save_own_variables` saved."""
        states = random_states(self.classifier)
        super().load_own_variables(
            {name: store[name] for name in store.keys() if name not in states}  # noqa: SIM118
        )
        for name, state in states.items():
            state.assign(store[name])
