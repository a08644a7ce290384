import json
import subprocess
import sys
from typing import Any

import pytest
import torch

from autoact import apply, finalize, find_layers
from autoact.conversion import KEY

transformers = pytest.importorskip("transformers")
IDS = torch.arange(6).reshape(1, 6)


def llama() -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=32,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=16,
        )
    ).eval()


def gpt2() -> Any:
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    return transformers.GPT2LMHeadModel(config).eval()


def everywhere(model: Any, name: str) -> Any:
    return apply(model, dict.fromkeys(find_layers(model).layers, name))


def first(model: Any, name: str) -> Any:
    return apply(model, {next(iter(find_layers(model).layers)): name})


def same(one: Any, other: Any) -> bool:
    with torch.no_grad():
        return bool(torch.equal(one(IDS).logits, other(IDS).logits))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "setting"), [(llama, "hidden_act"), (gpt2, "activation_function")], ids=["llama", "gpt2"]
)
def test_one_name_for_all_stands_in_the_configuration(make, setting, tmp_path):
    model = everywhere(make(), "relu")
    before = getattr(model.config, setting)
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved[setting] == "relu"
    assert "autoact_assignment" not in saved
    loaded, told = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not told["unexpected_keys"]
    assert same(loaded, model)
    assert getattr(model.config, setting) == before
    assert KEY in model.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("make", [llama, gpt2])
@pytest.mark.parametrize("choose", [everywhere, first])
def test_anything_else_is_a_note_that_from_pretrained_follows(make, choose, tmp_path):
    model = choose(make(), "tanh" if choose is first else "softsign")
    if choose is first:
        assert not same(model, make())
    model.save_pretrained(tmp_path / "one")
    loaded = type(model).from_pretrained(tmp_path / "one")
    assert same(loaded, model)
    assert not hasattr(loaded.config, "autoact_assignment")
    loaded.save_pretrained(tmp_path / "two")
    assert same(type(model).from_pretrained(tmp_path / "two"), model)
    finalize(loaded).save_pretrained(tmp_path / "three")
    assert "autoact_assignment" not in (tmp_path / "three" / "config.json").read_text()


@pytest.mark.slow
def test_learned_slopes_stand_in_the_note(tmp_path):
    model = everywhere(llama(), "prelu")
    with torch.no_grad():
        model.model.layers[0].mlp.act_fn.weight.fill_(0.625)
    model.save_pretrained(tmp_path)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert same(loaded, model)


LOAD = """
import sys
{before}
import transformers

def loaded():
    model = transformers.AutoModelForCausalLM.from_pretrained({path!r})
    return model, type(model.model.layers[0].mlp.act_fn).__name__

model, kind = loaded()
{after}
print(kind)
"""
ABSENT = "sys.modules['autoact'] = None"
BY_HAND = """
print(kind)
del sys.modules['autoact']
model, kind = loaded()
print(kind)
import autoact
autoact.apply(model, model.config.autoact_assignment)
kind = type(model.model.layers[0].mlp.act_fn).__name__
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "kinds", "warnings"),
    [
        ("import autoact", "", ["Tanh"], 0),
        (ABSENT, BY_HAND, ["SiLUActivation", "SiLUActivation", "Tanh"], 4),  # two loads, the whole and a part
    ],
    ids=["imported", "absent, then applied by hand"],
)
def test_another_process_restores_or_is_told(before, after, kinds, warnings, tmp_path):
    first(llama(), "tanh").save_pretrained(tmp_path)
    program = LOAD.format(before=before, after=after, path=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert [word for word in done.stdout.split() if word in {"Tanh", "SiLUActivation"}] == kinds, done.stderr
    assert (done.stdout + done.stderr).count(KEY) == warnings, done.stderr
