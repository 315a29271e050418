"""A tiny set prepared by TensorFlow Datasets itself."""

import numpy as np

COUNTS = {"train": 60, "test": 10}


def prepare(name, version, data_dir, features=None, file_format=None):
    """Writes a really prepared TFDS folder of a few drawn images."""
    import tensorflow_datasets as tfds

    class Toy(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version(version)

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=features
                or tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(32, 32, 3)),
                        "label": tfds.features.ClassLabel(num_classes=10),
                    }
                ),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager):
            return {
                part: self._generate_examples(part, n)
                for part, n in COUNTS.items()
            }

        def _generate_examples(self, part, n):
            for i in range(n):
                value = i + 100 * (part == "test")
                image = np.full((32, 32, 3), value, np.uint8)
                example = {"image": image, "label": i % 10}
                if "file_name" in self.info.features:
                    example["file_name"] = f"{i}.JPEG"
                yield i, example

    Toy.name = name
    Toy(data_dir=data_dir, file_format=file_format).download_and_prepare()
