"""Formats of an export: plain torch code with weights, torch.export, ONNX; each is read back and compared."""

import copy
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from autoact.errors import ConfigurationError, ConversionError, RunDirectoryError, needs
from autoact.exporting._text import module_text, plain, ready

Format = Literal["module", "torch-export", "onnx"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[Format, str] = {"module": "", "torch-export": ".pt2", "onnx": ".onnx"}
_OPSET = 18
_TOLERANCE = 1e-5  # of the largest value


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote.

    Attributes:
        path: File, or folder of the format "module".
        format: As it was asked for.
        difference: Largest difference from the model's results on the example, over their largest value.
        any_batch: Whether inputs may have another first dimension; None where that is up to the class.
    """

    path: Path
    format: Format
    difference: float
    any_batch: bool | None = None


def export(
    model: nn.Module, path: str | os.PathLike[str], example: Any, *, format: Format = "module"
) -> Exported:
    """Write a model in a form that needs no autoact, read it back, and compare.

    Args:
        model: A model with an activation per layer; of one that is still searched, what `finalize` would
            choose is written. The model itself is not changed; its copy is in evaluation mode.
        path: What to write; nothing may be there. "module" makes a folder with `activations.py`, whose `put`
            puts the activations into a fresh model of the class, and `weights.pt`; the others make a file.
        example: A tensor that the model takes, or a tuple of its arguments. The first dimension of tensors is
            free in the file where the model allows it.
        format: "module", "torch-export" (path ends in `.pt2`) or "onnx" (`.onnx`, opset 18).

    Returns:
        What was written, and how near it is to the model.

    Raises:
        ConfigurationError: An unknown format, a path that exists or ends otherwise, or an example on which
            the model raises.
        ConversionError: The model cannot be written in this format, or computes something else once read.
        MissingPackageError: onnx, onnxscript or onnxruntime are missing.

    Example:
        >>> from autoact.conversion import apply
        >>> model = apply(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), {"1": "squareplus"})
        >>> found = export(model, Path(tempfile.mkdtemp()) / "mine", torch.randn(4, 2))
        >>> sorted(file.name for file in found.path.iterdir()), found.difference < 1e-6
        (['activations.py', 'weights.pt'], True)
    """
    if format not in FORMATS:
        raise ConfigurationError(f"format {format!r} is none of {', '.join(FORMATS)}.")
    target = Path(path)
    if target.suffix != (suffix := SUFFIXES[format]) and suffix:
        raise ConfigurationError(f"{path} does not end in {suffix}, as files of the format {format} do.")
    if os.path.lexists(target):
        raise ConfigurationError(f"{path} exists already and is left untouched; choose another path.")
    inputs = example if isinstance(example, tuple) else (example,)
    written = ready(model)
    _require_taken(written, inputs)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".autoact-") as place:
            made = Path(place, target.name)
            difference, any_batch = _WRITERS[format](written, made, inputs)
            made.rename(target)
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be written: {error.strerror or error}.") from error
    return Exported(path=target, format=format, difference=difference, any_batch=any_batch)


def _require_taken(model: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Refuse inputs on which a model raises: nothing could be compared."""
    try:
        with torch.no_grad():
            model(*inputs)
    except Exception as error:  # a user's forward may raise anything
        shown = ", ".join(str(tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__ for x in inputs)
        told = f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}"
        raise ConfigurationError(
            f"{type(model).__name__} cannot be called on {shown}: {told}. Give an example that its "
            "forward takes."
        ) from error


Found = tuple[float, bool | None]


def _write_module(model: nn.Module, made: Path, inputs: tuple[Any, ...]) -> Found:
    text, own = module_text(model), plain(copy.deepcopy(model))
    made.mkdir()
    (made / "activations.py").write_text(text, encoding="utf-8")
    torch.save(own.state_dict(), made / "weights.pt")
    namespace: dict[str, Any] = {}
    exec(compile(text, str(made / "activations.py"), "exec"), namespace)
    again = namespace["put"](own)
    again.load_state_dict(torch.load(made / "weights.pt", weights_only=True))
    return _difference(model, again, inputs), None


def _write_program(model: nn.Module, made: Path, inputs: tuple[Any, ...]) -> Found:
    torch.export.save(_program(model, inputs), made)
    again = torch.export.load(made).module()
    return _difference(model, again, inputs), _is_any_batch(model, again, inputs)


def _write_onnx(model: nn.Module, made: Path, inputs: tuple[Any, ...]) -> Found:
    with needs("onnxscript", "an export to ONNX"), needs("onnxruntime", "the check of an export to ONNX"):
        import onnxruntime
        import onnxscript  # noqa: F401
    with warnings.catch_warnings():  # torch's of its own code
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(_program(model, inputs), inputs, opset_version=_OPSET, verbose=False)
    assert program is not None, "without a path, it is returned"
    program.save(made)
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def again(*given: Any) -> Any:
        tensors = [each for each in tree_leaves(given) if isinstance(each, Tensor)]
        found = session.run(None, {n: t.detach().cpu().numpy() for n, t in zip(names, tensors, strict=True)})
        return [torch.from_numpy(each) for each in found]

    return _difference(model, again, inputs), _is_any_batch(model, again, inputs)


_WRITERS: dict[Format, Callable[[nn.Module, Path, tuple[Any, ...]], Found]] = {
    "module": _write_module,
    "torch-export": _write_program,
    "onnx": _write_onnx,
}


def _program(model: nn.Module, inputs: tuple[Any, ...]) -> torch.export.ExportedProgram:
    """Return the program of a model, with a free first dimension if the model allows one."""
    own = plain(copy.deepcopy(model))
    free = tree_map(lambda each: {0: torch.export.Dim.AUTO} if _has_rows(each) else None, inputs)
    try:
        return torch.export.export(own, inputs, dynamic_shapes=free)
    except Exception as error:  # whatever torch says of code that it cannot follow
        why = str(error).strip().splitlines()
        told = f"{type(error).__name__}: {why[0] if why else ''}"
        raise ConversionError(f"torch.export cannot follow {type(model).__name__}: {told}") from error


def _difference(model: nn.Module, again: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    """Return by how much what was read back differs, relative to the largest value.

    Raises:
        ConversionError: It is too much.
    """
    with torch.no_grad():
        before, after = (tree_leaves(each(*inputs)) for each in (model, again))
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if isinstance(a, Tensor)]
    largest = max((float(a.abs().max()) for a, _ in pairs if a.numel()), default=0.0)
    most = max((float((a.cpu() - b.cpu()).abs().max()) for a, b in pairs if a.numel()), default=0.0)
    found = most / largest if largest else most
    if not found <= _TOLERANCE:
        raise ConversionError(
            f"What was written differs from {type(model).__name__} by {found:.1e} of its largest result, "
            f"above {_TOLERANCE:g}: nothing is kept. A model that draws random numbers cannot be compared."
        )
    return found


def _is_any_batch(model: nn.Module, again: Callable[..., Any], inputs: tuple[Any, ...]) -> bool:
    """Tell whether what was read back takes twice as many rows, and still computes what the model does."""
    twice = tree_map(lambda each: torch.cat([each, each]) if _has_rows(each) else each, inputs)
    try:
        _difference(model, again, twice)
    except Exception:  # whatever either says of a shape that it does not take
        return False
    return True


def _has_rows(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0
