"""What finalize returns is the user's own model: classes, attributes, copies of tensors, pickles."""

import copy
import importlib.util
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from autoact import apply, auto_layers, convert, finalize
from autoact.conversion import recipe
from autoact.conversion._places import discover
from autoact.errors import ConversionError
from autoact.spaces import Choice

pytestmark = pytest.mark.filterwarnings("ignore:One module instance was used in several places:UserWarning")
X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))

# A file of its own, which a process without autoact imports too.
SOURCE = '''
import functools

import torch
import torch.nn.functional as F
from torch import nn


class Calls(nn.Module):
    """Functions, called in the source."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x, scale: float = 1.0):
        x = F.relu(self.a(x))
        return torch.tanh(self.b(F.leaky_relu(self.b(x), 0.2))) * scale


class Twice(Calls):
    """As torchvision and timm write their blocks: one module, twice, in place, on what others hold."""

    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.a(x)
        shortcut = out
        out = self.act(out)
        return self.act(shortcut + self.b(out))


class Argument(Calls):
    """In place on an argument: one call that is rewritten for that."""

    def __init__(self):
        super().__init__()
        self.act1 = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.b(self.part(self.a(x)))

    def part(self, x):
        x = self.act1(x)
        return x


class Held(Calls):
    def __init__(self):
        super().__init__()
        self.act = functools.partial(F.elu, alpha=0.5)

    def forward(self, x):
        return self.act(self.b(self.act(self.a(x))))


class Branches(Calls):
    def __init__(self):
        super().__init__()
        self.act = nn.SiLU()

    def forward(self, x):
        if self.training:
            return F.relu(self.act(self.a(x)))
        return F.relu(self.act(self.b(x)))


class Parent(Calls):
    def forward(self, x):
        return F.gelu(self.a(x))


class Child(Parent):
    """What a pickle of it has to find again: super(), private names, decorators, closures of its file."""

    def __init__(self):
        super().__init__()
        self.__c = nn.Linear(4, 4)

    @torch.no_grad()
    def forward(self, x, *, more=0.5):
        def inner(y):
            return F.relu(y) + more

        return super().forward(inner(self.__c(x)))


class Reduced(Calls):
    def __reduce__(self):
        return made, (type(self), self.a, self.b), {k: v for k, v in vars(self).items() if k != "cache"}


def made(kind, a, b):
    model = Calls.__new__(kind)
    nn.Module.__init__(model)
    model.a, model.b = a, b
    return model


class Slots(nn.Module):
    __slots__ = ("width",)

    def __init__(self):
        super().__init__()
        self.a, self.width = nn.Linear(4, 4), 4

    def forward(self, x):
        return F.relu(self.a(x)) * self.width

    def __getstate__(self):
        return vars(self), self.width

    def __setstate__(self, state):
        own, self.width = state
        super().__setstate__(own)
'''


@pytest.fixture(scope="module")
def users(tmp_path_factory) -> Any:
    """A module of a user's, imported from its file."""
    folder = tmp_path_factory.mktemp("users")
    path = folder / "users_blocks.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("users_blocks", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["users_blocks"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["users_blocks"]


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
print("read")
"""


def read_without_autoact(models: list[nn.Module], users: Any, tmp_path: Path) -> None:
    """Load models, copy them and save them again in a process that cannot import autoact."""
    file = tmp_path / "model.pt"
    with torch.no_grad():
        torch.save((models, X, [model(X.clone()) for model in models]), file)
    code = READER.format(folder=str(Path(users.__file__).parent), file=str(file))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "read\n", done.stderr


CHOICES: dict[str, dict[str, Any]] = {
    "Calls": {"relu_1": "elu", "leaky_relu_1": Choice("leaky_relu", {"negative_slope": 0.3})},
    "Twice": {"act_1": "gelu", "act_2": Choice("elu", {"alpha": 0.7})},
    "Argument": {"act1_1": "gelu"},
    "Held": {"act_1": "relu", "act_2": Choice("softplus", {"beta": 2.0})},
    "Branches": {"relu_1": "mish", "act": "prelu"},
    "Parent": {"gelu_1": Choice("hardtanh", {"min_val": -0.5, "max_val": 0.5})},
    "Child": {"relu_1": "tanh"},
    "Reduced": {"relu_1": "silu"},
    "Slots": {"relu_1": "silu"},
}


class Copies(TorchDispatchMode):
    """Counts what copies tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("clone", "copy_", "_to_copy"):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def copies(model: nn.Module) -> Counter[str]:
    x = X.clone()
    with Copies() as mode:
        out = model(x)
        if out.requires_grad:
            out.sum().backward()
    return mode.found


def described(model: nn.Module) -> str:
    """Return kinds, plain attributes and children of every module."""
    return str(
        [
            (path, type(m), {k: v for k, v in vars(m).items() if not isinstance(v, dict)}, list(m._modules))
            for path, m in model.named_modules()
        ]
    )


def original(model: nn.Module) -> dict[str, Any]:
    return {path: place.choice for path, place in discover(model).places.items()}


def below(prefix: str, choices: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{path}": choice for path, choice in choices.items()}


def gradients(model: nn.Module) -> list[Any]:
    model.zero_grad()
    out = model(X.clone())
    if out.requires_grad:
        out.sum().backward()
    return [out.detach(), *(p.grad for n, p in sorted(model.named_parameters()) if "act" not in n)]


@pytest.mark.parametrize("kind", CHOICES)
@pytest.mark.parametrize("way", ["convert", "apply", "there and back"])
def test_choices_equal_to_the_original_give_the_original_back(users, kind, way):
    model: Any = nn.Sequential(getattr(users, kind)())
    plain, own = copy.deepcopy(model), original(model)
    if way == "convert":
        convert(model, ["relu", "tanh", "elu"])
        assert auto_layers(model)
    elif way == "there and back":
        apply(model, below("0", CHOICES[kind]))
        assert described(model) != described(plain)
    if way != "convert":
        apply(model, own)
    assert finalize(model) is model
    assert described(model) == described(plain)
    assert type(model[0]) is getattr(users, kind)
    assert torch.equal(model(X.clone()), plain(X.clone()))
    assert copies(model) == copies(plain)
    assert b"autoact" not in pickle.dumps(model, 2)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert str(plain.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


@pytest.mark.parametrize("kind", CHOICES)
def test_other_choices_compute_the_same(users, kind):
    model = apply(nn.Sequential(getattr(users, kind)()), below("0", CHOICES[kind])).eval()
    before = gradients(model)
    finalize(model)
    for one, other in zip(gradients(model), before, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert recipe(model) is None
    assert not [m for m in model.modules() if type(m).__module__.startswith("autoact")]
    assert not [m for m in model.modules() if isinstance(m, nn.Identity)]
    assert not [name for m in model.modules() for name in vars(m) if "autoact" in name]
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(X.clone()), model(X.clone()))
    assert [type(m) for m in again.modules()] == [type(m) for m in model.modules()]


@pytest.mark.slow
def test_they_load_where_autoact_is_not_installed(users, tmp_path):
    def finalized(kind: str) -> nn.Module:
        return finalize(apply(nn.Sequential(getattr(users, kind)()), below("0", CHOICES[kind]))).eval()

    read_without_autoact([finalized(kind) for kind in CHOICES], users, tmp_path)


def test_what_all_uses_chose_stands_under_its_name(users):
    model = finalize(apply(users.Twice(), {"act_1": "elu", "act_2": "elu"}))
    assert type(model) is users.Twice
    assert repr(model.act) == "ELU(alpha=1.0, inplace=True)"
    assert list(model._modules) == ["a", "b", "act"]
    assert copies(model) == {}
    tanh = finalize(apply(users.Held(), dict.fromkeys(("act_1", "act_2"), "tanh")))
    assert (type(tanh), type(tanh.act)) == (users.Held, nn.Tanh)
    assert "act" not in vars(tanh)


def test_an_original_among_the_choices_keeps_the_name(users):
    model = users.Twice()
    act = model.act
    finalize(apply(model, {"act_1": "gelu", "act_2": "relu"}))
    assert model.act is act
    assert list(model._modules) == ["a", "b", "act", "act_1"]
    held = finalize(apply(users.Held(), {"act_2": "relu"}))
    assert held.act.func is F.elu
    assert list(held._modules) == ["a", "b", "act_2"]


def test_the_first_choice_takes_the_name_of_an_original_that_nobody_chose(users):
    model = finalize(apply(users.Twice(), {"act_1": "gelu", "act_2": "tanh"}))
    assert list(model._modules) == ["a", "b", "act", "act_2"]
    assert isinstance(model.act, nn.GELU)
    assert isinstance(model.act_2, nn.Tanh)


@pytest.mark.parametrize(
    ("name", "made"), [("elu", {}), ("silu", {"clone": 1}), ("gelu", {"clone": 1, "copy_": 1})]
)
def test_a_choice_in_place_of_one_that_works_in_place(users, name, made):
    """torch keeps the input of SiLU in place for backward, and has no GELU in place."""
    model = apply(users.Argument(), {"act1_1": name})
    before = model(X)
    finalize(model)
    assert torch.equal(model(X), before)
    assert list(model._modules) == ["a", "b", "act1"]
    assert (type(model) is users.Argument) == (name != "gelu")
    assert copies(model) == made


def test_negative_slopes_do_not_run_in_place(users):
    model = apply(users.Argument(), {"act1_1": Choice("leaky_relu", {"negative_slope": -0.5})})
    before = gradients(model)
    for one, other in zip(gradients(finalize(model)), before, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("choice", ["relu", "silu", "gelu"])
def test_hooks_of_users_stay(users, choice):
    model, seen = users.Twice(), []
    first = model.act.register_forward_hook(lambda module, inputs, output: seen.append("original"))
    convert(model, ["relu", "silu", "gelu"])
    second = model.a.register_forward_hook(lambda module, inputs, output: seen.append("other"))
    apply(model, dict.fromkeys(auto_layers(model), choice))
    finalize(model)
    model(X)
    assert seen == ["other", "original", "original"]
    first.remove()
    second.remove()
    model(X)
    assert len(seen) == 3


def test_a_layer_of_a_call_that_is_watched_stays(users):
    model, seen = convert(users.Parent(), ["gelu", "tanh"]), []
    model.gelu_1.register_forward_hook(lambda module, inputs, output: seen.append(type(module)))
    finalize(model)(X)
    assert seen == [nn.GELU]


@pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning")
def test_it_trains_compiles_exports_and_scripts(users):
    model = finalize(apply(users.Calls(), CHOICES["Calls"]))
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
    fresh = users.Calls()
    assert str(fresh.load_state_dict(model.state_dict())) == "<All keys matched successfully>"


@pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning")
def test_before_that_torchscript_would_read_the_original_source(users):
    with pytest.raises(ConversionError, match=r"the source of Parent as it is written.*finalize\(model\)"):
        torch.jit.script(nn.Sequential(apply(users.Parent(), {"gelu_1": "tanh"})))


def test_a_traceback_shows_the_line_that_runs(users):
    model = finalize(apply(users.Parent(), {"gelu_1": "tanh"}))
    with pytest.raises(TypeError) as caught:
        model("no tensor")
    assert "self.gelu_1(self.a(x))" in str(caught.getrepr())


def test_a_finalized_model_can_be_searched_again(users):
    model = finalize(apply(users.Twice(), {"act_1": "gelu", "act_2": "tanh"}))
    before = model(X)
    rule = {"match": "act_2"}
    convert(model, {"name": "again", "candidates": ["relu", "silu"], "layers": [rule]})
    assert list(auto_layers(model)) == ["act", "act_2"]
    torch.testing.assert_close(model(X), before, rtol=0, atol=1e-6)
    finalize(apply(model, {"act": "relu", "act_2": "relu"}))
    assert type(model) is users.Twice
    assert repr(model.act) == "ReLU(inplace=True)"


def test_a_part_can_be_finalized(users):
    model: Any = convert(nn.Sequential(users.Calls(), users.Parent()), ["relu", "gelu"])
    finalize(model[0])
    assert type(model[0]) is users.Calls
    assert list(auto_layers(model)) == ["1.gelu_1"]
    assert list((recipe(model) or {})["layers"]) == ["1.gelu_1"]
    finalize(model)
    assert recipe(model) is None


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


def test_what_the_user_says_of_copies_holds(users):
    model = users.Reduced()
    model.cache = [1]
    finalize(apply(model, {"relu_1": "silu"}))
    again = pickle.loads(pickle.dumps(model))
    assert not hasattr(again, "cache")
    assert type(again) is type(model)
    assert torch.equal(again(X), model(X))
