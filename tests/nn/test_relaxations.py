import pytest
import torch

from autoact.nn import _relaxations as relaxations
from autoact.nn._relaxations import RELAXATIONS, anchored, entropy, scaled_gradient

ONE, ZERO = torch.tensor(1.0), torch.tensor(0.0)
LOGITS = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize("name", RELAXATIONS)
def test_weights_sum_to_one(name):
    assert torch.allclose(RELAXATIONS[name](LOGITS, ONE).sum(-1), torch.ones(2))


def test_softmax_sharpens_with_the_temperature():
    assert relaxations.softmax(LOGITS, torch.tensor(0.1))[0, 2] > relaxations.softmax(LOGITS, ONE)[0, 2]


def test_straight_through_is_exactly_one_hot_with_the_gradient_of_softmax():
    logits = LOGITS[0].clone().requires_grad_()
    hard = relaxations.straight_through(logits, ONE)
    assert hard.tolist() == [0.0, 0.0, 1.0]
    (got,) = torch.autograd.grad(hard[1], logits)
    (soft,) = torch.autograd.grad(relaxations.softmax(logits, ONE)[1], logits)
    assert torch.equal(got, soft)


def test_affine_keeps_logits_that_sum_to_one():
    logits = torch.tensor([1.5, -0.5, 0.0])
    assert torch.equal(relaxations.affine(logits, ONE), logits)


@pytest.mark.parametrize("name", RELAXATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_anchor_is_exact_at_release_0_and_the_relaxation_at_1(name, dtype):
    logits = torch.randn(5, 7, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 10
    anchor = torch.eye(7, dtype=dtype)[3]
    one, zero = ONE.to(dtype), ZERO.to(dtype)
    relax = RELAXATIONS[name]
    assert torch.equal(anchored(logits, one, zero, anchor, relax), anchor.expand(5, 7))
    assert torch.equal(anchored(logits, one, one, anchor, relax), relax(logits, one))


def test_a_scaled_gradient_leaves_the_value_alone():
    weights = torch.rand(4, requires_grad=True)
    scaled = scaled_gradient(weights, torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert torch.equal(scaled, weights)
    scaled.sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_the_entropy_of_an_exact_start_has_a_gradient():
    logits = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    release, anchor = torch.tensor(0.0), torch.tensor([1.0, 0.0, 0.0])
    entropy(anchored(logits, torch.tensor(1.0), release, anchor, RELAXATIONS["softmax"])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_entropy_of_one_candidate_and_of_all_alike():
    assert entropy(torch.tensor([0.0, 1.0, 0.0])) == 0
    assert entropy(torch.full((2, 4), 0.25)).item() == pytest.approx(torch.log(torch.tensor(4.0)).item())
