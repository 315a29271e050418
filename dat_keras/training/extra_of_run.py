"""When a run reads its extra images, and which process writes what it took."""

from __future__ import annotations

from pathlib import Path

from dat_keras.data import Batches, Split
from dat_keras.recipes import Recipe
from dat_keras.training import checkpoint
from dat_keras.training.extra_data import Extra, prepared, restored
from dat_keras.training.fit_run import RunOptions
from dat_keras.training.workers import Workers
from dat_keras.utils.run_folder import RunFolder


class ExtraOfRun:
    """The training batches of a run, with extra images where it has some.

    A new run takes them before its folder is claimed, so that bad images leave
    nothing behind; the first process writes which ones, the others read that.

    Args:
        recipe: What is trained.
        batches: Batches of the real images.
        validation: All validation images of the data set.
        data_dir: Folder of prepared data sets.
        run: The run's folder.
    """

    def __init__(
        self,
        recipe: Recipe,
        batches: Batches,
        validation: Split,
        data_dir: Path | None,
        run: RunFolder,
    ) -> None:
        self.recipe = recipe
        self.batches = batches
        self.validation = validation
        self.data_dir = data_dir
        self.run = run
        self._extra: Extra | None = None

    def begin(
        self, resumes: bool, workers: Workers, options: RunOptions
    ) -> None:
        """Reads extra images, those of a run that goes on with their labels.

        Args:
            resumes: Whether the folder holds a run that goes on.
            workers: The processes of the run.
            options: How it is carried out.

        Raises:
            ValueError: If images do not fit the data set, or are not those
                that the run began with.
            DatKerasError: If they are not there or damaged, or if the folder
                is taken.
        """
        self.recipe.extra.check()
        if self.recipe.extra.source is None:
            return
        if resumes and workers.of_chief(self._kept()):
            self._extra = self._restored()
        elif workers.is_chief:
            self.run.check_free(options.resume, options.overwrite)
            self._extra = prepared(
                self.recipe,
                self.batches,
                self.validation,
                self.data_dir,
                options.load_teacher,
                options.say,
            )

    def settled(self, workers: Workers) -> Batches:
        """Writes what was taken, and returns the batches of the run.

        Args:
            workers: The processes of the run.
        """
        if self.recipe.extra.source is None:
            return self.batches
        # Of a run that goes on the file is there.
        if self._extra is not None and not self.run.extra.exists():
            self._extra.write(self.run.extra)
        workers.meet()
        return (self._extra or self._restored()).batches

    def _kept(self) -> bool:
        """Whether the run has taken its extra images, or must have."""
        return self.run.extra.exists() or bool(
            checkpoint.steps(self.run.checkpoints)
        )

    def _restored(self) -> Extra:
        return restored(
            self.recipe, self.batches, self.data_dir, self.run.extra
        )
