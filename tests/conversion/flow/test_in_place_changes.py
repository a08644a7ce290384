"""What a class's source changes in place: results and inputs of activations, arguments of its forward."""

import torch
import torch.nn.functional as F
from torch import nn

from autoact.conversion import apply
from autoact.conversion.flow import in_place_changes


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.act = nn.ReLU()


class Renamed(Net):
    def forward(self, x):
        first = second = self.act(self.a(x))
        third, _ = second[0], x
        third.add_(1)
        return first


class Copied(Net):
    def forward(self, x):
        h = self.act(self.a(x))
        h = h + 1
        h += x
        names = []
        names += [h]
        return torch.stack(names).mul_(2)


class ThroughAMethod(Net):
    def forward(self, x):
        return self.after(by=x, h=F.gelu(x))

    def after(self, h, by):
        return torch.add(h, by, out=h)


class Given(Net):
    def forward(self, x):
        x[0] = 0
        return x


class Again(Net):
    def forward(self, x):
        for _ in range(2):
            x += self.a(self.act(x.view(-1)))
        return x


def made(kind):
    found = in_place_changes(kind)
    return {name for _, name in found.results}, {name for _, name in found.inputs}


def test_names_views_and_items_share_memory():
    assert made(Renamed) == ({"act", "act_1"}, set())


def test_what_is_computed_anew_is_no_longer_the_result():
    assert made(Copied) == (set(), set())


def test_a_method_changes_what_it_is_called_on():
    results, _ = made(ThroughAMethod)
    assert "gelu_1" in results


def test_arguments_that_change_are_known():
    assert in_place_changes(Given).results == {("argument", "x")}
    assert in_place_changes(Given).returned == {("argument", "x")}


def test_an_input_that_changes_later_is_known():
    assert made(Again) == ({"x"}, {"act", "act_1"})


class Overwritten(Net):
    def forward(self, x):
        h = self.a(x)
        h[:, :2] = self.act(h[:, :2])  # read first, then overwritten
        return h


def test_what_an_assignment_reads_before_it_overwrites_is_an_input_that_changes():
    assert in_place_changes(Overwritten).inputs >= {("module", "act")}
    model = nn.Sequential(nn.Linear(4, 4), Overwritten())
    apply(model, {"1.act": "gelu"})(torch.ones(2, 4)).sum().backward()
