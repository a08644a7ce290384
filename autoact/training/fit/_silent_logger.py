"""Silent logger: takes whatever a module logs and keeps nothing of it."""

from lightning.pytorch.loggers.logger import DummyLogger


class SilentLogger(DummyLogger):
    """Logger of a training that logs nothing: every method and every method of its experiment can be called.

    Args:
        root: Directory for whatever a module writes beside what it logs.

    Example:
        >>> logger = SilentLogger("/tmp")
        >>> logger.experiment.add_scalar("loss", 0.5, 1), logger.log_image("input", []), logger.log_dir
        (None, None, '/tmp')
    """

    def __init__(self, root: str | None = None) -> None:
        super().__init__()
        self._root = root

    @property
    def save_dir(self) -> str | None:
        """The directory."""
        return self._root

    @property
    def log_dir(self) -> str | None:
        """The directory."""
        return self._root
