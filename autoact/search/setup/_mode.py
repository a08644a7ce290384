"""Mode of a search: whether a smaller or a larger value of the monitor is better."""

import re
from typing import Literal, cast

from autoact.errors import ConfigurationError

Mode = Literal["min", "max"]
_SMALLER = "error err mse rmse mae mape msle nll perplexity ppl bpc cer wer fid crps brier deviance"
_LARGER = (
    "accuracy r2 auc auroc auprc ap map f1 fbeta precision recall iou miou dice psnr ssim bleu rouge mcc"
)
_WORDS = {**dict.fromkeys(_SMALLER.split(), "min"), **dict.fromkeys(_LARGER.split(), "max")}
_TURNED = {"neg", "negative", "negated", "minus"}


def settle_mode(mode: str | None, monitor: str) -> Mode:
    """Return the mode, inferred from "loss" or "acc" in the monitor's name when it is not given.

    Example:
        >>> settle_mode(None, "val_loss"), settle_mode("max", "val_f1")
        ('min', 'max')
    """
    if mode in ("min", "max"):
        return cast(Mode, mode)
    if mode is not None:
        raise ConfigurationError(f"mode is {mode!r}; it must be 'min' or 'max' (of {monitor!r}).")
    found = inferred_mode(monitor)
    if found is None:
        raise ConfigurationError(
            f"mode is not given and cannot be inferred from monitor {monitor!r}, which does not say which of "
            '"loss" and "acc" it is. If it is misspelled, correct it; else set mode to \'min\' if a smaller '
            "value is better, to 'max' if a larger one is."
        )
    return found


def inferred_mode(monitor: str) -> Mode | None:
    """Return the mode that "loss" or "acc" in a monitor's name says; None where it says none.

    Example:
        >>> inferred_mode("val_acc"), inferred_mode("val_f1")
        ('max', None)
    """
    lowers, raises = "loss" in monitor.lower(), "acc" in monitor.lower()
    return None if lowers == raises else "min" if lowers else "max"


def doubtful_mode(mode: Mode, monitor: str) -> str:
    """Return a sentence where the name of the monitor says the opposite of the mode, else "".

    Example:
        >>> doubtful_mode("max", "val_loss")
        "mode is 'max', so the largest val_loss wins, where the name says that smaller is better."
        >>> doubtful_mode("min", "val_loss"), doubtful_mode("max", "neg_loss")
        ('', '')
    """
    words = {*re.split(r"[^a-z0-9]+", monitor.lower())}
    said = {_WORDS[word] for word in words if word in _WORDS}
    told = inferred_mode(monitor) or (said.pop() if len(said) == 1 else mode)
    if told == mode or words & _TURNED:
        return ""
    wins, better = ("largest", "smaller") if mode == "max" else ("smallest", "larger")
    return f"mode is {mode!r}, so the {wins} {monitor} wins, where the name says that {better} is better."
