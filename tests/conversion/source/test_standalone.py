"""Models with rewritten calls, finalized: saved, copied, compiled, scripted; with and without autoact."""

import copy
import gc
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autoact import apply, finalize
from autoact.errors import ConversionError
from tests.conversion import blocks
from tests.conversion.blocks import CHOICES, in_first

X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
READER = """
import sys
sys.modules["autoact"] = None
sys.path.insert(0, {folder!r})
import copy
import torch
models, x, outputs = torch.load({file!r}, weights_only=False)
copies = copy.deepcopy(models)
torch.save(models, {file!r})
for group in (models, copies, torch.load({file!r}, weights_only=False)):
    for model, again, expected in zip(models, group, outputs, strict=True):
        with torch.no_grad():
            torch.testing.assert_close(again(x.clone()), expected, rtol=0, atol=0)
        assert [type(m) for m in again.modules()] == [type(m) for m in model.modules()]
assert not [name for name in sys.modules if name.startswith("autoact.")]
exported = torch.export.load({exported!r}).module()
torch.testing.assert_close(exported(x), torch.nn.functional.silu(2 * x) / 2)
print("read")
"""


def read_without_autoact(models: list[nn.Module], tmp_path: Path) -> None:
    """Load models, copy them and save them again in a process that cannot import autoact."""
    file = tmp_path / "model.pt"
    with torch.no_grad():
        torch.save((models, X, [model(X.clone()) for model in models]), file)
    beta = {"activation": "swish", "parameters": {"beta": 2.0}}
    swish = finalize(apply(nn.Sequential(nn.ReLU()), {"0": beta}))
    torch.export.save(torch.export.export(swish, (X,)), tmp_path / "swish.pt2")
    folder, exported = str(Path(blocks.__file__).parents[2]), str(tmp_path / "swish.pt2")
    code = READER.format(folder=folder, file=str(file), exported=exported)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "read\n", done.stderr


@pytest.mark.slow
def test_they_load_where_autoact_is_not_installed(tmp_path):
    def finalized(kind: str) -> nn.Module:
        return finalize(apply(nn.Sequential(getattr(blocks, kind)()), in_first(CHOICES[kind]))).eval()

    read_without_autoact([finalized(kind) for kind in CHOICES], tmp_path)


@pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning")
def test_it_trains_compiles_exports_and_scripts():
    model = finalize(apply(blocks.Calls(), CHOICES["Calls"]))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(model(X).square().sum())
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
    expected = model(X)
    assert torch.equal(torch.compile(model, backend="eager", fullgraph=True)(X), expected)
    assert torch.equal(torch.export.export(model, (X,)).module()(X), expected)
    assert torch.equal(torch.jit.trace(model, (X,))(X), expected)
    assert torch.equal(torch.jit.script(model)(X), expected)
    assert torch.equal(torch.jit.script(pickle.loads(pickle.dumps(model)))(X), expected)
    fresh = blocks.Calls()
    assert str(fresh.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


@pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning")
def test_before_that_torchscript_would_read_the_original_source():
    with pytest.raises(ConversionError, match=r"the source of Parent as it is written.*finalize\(model\)"):
        torch.jit.script(nn.Sequential(apply(blocks.Parent(), {"gelu_1": "tanh"})))


def test_a_traceback_shows_the_line_that_runs():
    model = finalize(apply(blocks.Parent(), {"gelu_1": "tanh"}))
    with pytest.raises(TypeError) as caught:
        model("no tensor")
    assert "self.gelu_1(self.a(x))" in str(caught.getrepr())


def test_a_class_inside_a_function_pickles_no_worse_and_no_better():
    class Inner(nn.Module):
        def forward(self, x):
            return F.relu(x) + X[:1]

    def refusal(model: nn.Module) -> str:
        with pytest.raises((AttributeError, pickle.PicklingError)) as caught:
            pickle.dumps(model)
        return str(caught.value)

    model = finalize(apply(Inner(), {"relu_1": "tanh"}))
    assert refusal(model) == refusal(Inner())
    assert torch.equal(copy.deepcopy(model)(X), torch.tanh(X) + X[:1])


def test_what_the_user_says_of_copies_holds():
    model: Any = blocks.Reduced()
    model.cache = [1]
    finalize(apply(model, {"relu_1": "silu"}))
    again = pickle.loads(pickle.dumps(model))
    assert not hasattr(again, "cache")
    assert type(again) is type(model)
    assert torch.equal(again(X), model(X))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(protocol):
    model = finalize(apply(blocks.Child(), CHOICES["Child"]))
    for again in (pickle.loads(pickle.dumps(model, protocol)), copy.copy(model)):
        assert type(again) is type(model)
        assert torch.equal(again(X), model(X))


@pytest.mark.slow
def test_a_class_that_lost_the_method_is_named(monkeypatch):
    saved = pickle.dumps(finalize(apply(blocks.Argument(), {"act1_1": "gelu"})))
    monkeypatch.setattr(blocks.Argument, "renamed", blocks.Argument.part, raising=False)
    monkeypatch.delattr(blocks.Argument, "part")
    gc.collect()  # of the generated class
    with pytest.raises(AttributeError, match=r"Argument.part is not what it was .* finalized and saved"):
        pickle.loads(saved)
