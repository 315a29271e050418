"""Shared basics: tensor types, threat models, gradients, random keys."""

from __future__ import annotations

from dat_keras.utils.backend import check_backend

check_backend()
