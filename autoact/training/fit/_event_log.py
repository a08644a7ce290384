"""Logger that writes the TensorBoard events of one training into a given directory."""

from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger


def event_log(directory: str | Path) -> TensorBoardLogger:
    """Return a logger that writes its events straight into a directory, without sub-directories.

    Args:
        directory: Where; made when the first event is written.
    """
    return TensorBoardLogger(save_dir=str(directory), name="", version="", default_hp_metric=False)
