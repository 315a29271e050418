"""Depths of the wide ResNets with Swish that have a name, `swish-wrn-28` on."""

SWISH_DEPTHS = (28, 34, 70, 82, 94, 106)
