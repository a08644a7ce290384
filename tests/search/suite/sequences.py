"""Sequences: recurrent networks, transformers, convolutions in time, sound, text with pictures."""

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import rnn

from tests.search.suite.basis import Learner, Numbers, images, loaders, mlp, series, tokens
from tests.search.suite.registry import case

times, words = loaders(series), loaders(tokens)


@case("recurrent network", "head.1", data=times)
class LSTM(Numbers):
    """nn.LSTM, whose own activations stay, and a head with GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 8, batch_first=True, bidirectional=True)
        self.head = mlp(16, 8, 1, act=nn.GELU)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


@case(
    "recurrent network",
    "relu_1",
    warns="may run several times",
    search_warns="may run several times",
    data=times,
)
class HandWritten(Numbers):
    """A gated cell by hand, over a loop in time: gates and tanh stay, the candidate's ReLU is searched."""

    def __init__(self) -> None:
        super().__init__()
        self.gates, self.new, self.head = nn.Linear(10, 16), nn.Linear(10, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 8)
        for now in x.unbind(1):
            both = torch.cat([now, h], 1)
            keep, reset = torch.sigmoid(self.gates(both)).chunk(2, 1)
            new = F.relu(self.new(torch.cat([now, reset * h], 1)))
            h = keep * h + (1 - keep) * new
        return self.head(h)


def ragged(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return series, how long each is, and the mean of that part."""
    x, _ = series(rows, generator)
    lengths = torch.randint(3, 12, (rows,), generator=generator)
    known = (torch.arange(12) < lengths[:, None])[..., None]
    return x * known, lengths, (x * known).sum((1, 2)) / lengths


@case("recurrent network", "head.1", data=loaders(ragged))
class Packed(Learner):
    """Packed sequences of several lengths through nn.GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(2, 8, batch_first=True), mlp(8, 8, 1, act=nn.SiLU)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return self.head(self.gru(packed)[1][-1])[:, 0]

    def loss(self, batch: Any) -> Tensor:
        x, lengths, y = batch
        return F.mse_loss(self(x, lengths), y)


@case("sequence to sequence", "bridge.1", data=words)
class Translator(Learner):
    """LSTM encoder and decoder with teacher forcing by chance; greedy decoding in validation."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 8, padding_idx=0)
        self.encoder = nn.LSTM(8, 8, batch_first=True)
        self.cell, self.out = nn.LSTMCell(8, 8), nn.Linear(8, 10)
        self.bridge = mlp(8, 8, 8, act=nn.LeakyReLU)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        state = self.encoder(self.embedding(x))[1]
        h, c = self.bridge(state[0][0]), state[1][0]
        token, found = torch.zeros_like(x[:, 0]), []
        for wanted in y.unbind(1):
            h, c = self.cell(self.embedding(token), (h, c))
            found.append(self.out(h))
            force = self.training and torch.rand(()) < 0.5
            token = wanted if force else found[-1].argmax(1)
        return torch.stack(found, 2)

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        return F.cross_entropy(self(x, y), y, label_smoothing=0.1, ignore_index=0)


@case("sequence to sequence", "net.encoder.layers.0.activation net.decoder.layers.0.activation", data=words)
class Transformer(Learner):
    """nn.Transformer with causal and padding masks."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.out = nn.Embedding(10, 8), nn.Linear(8, 10)
        self.net = nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(y.shape[1])
        return self.out(self.net(self.embedding(x), self.embedding(y), tgt_mask=mask, tgt_is_causal=True))

    def loss(self, batch: Any) -> Tensor:
        x, y = batch
        before = F.pad(y[:, :-1], (1, 0))
        return F.cross_entropy(self(x, before).mT, y)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).view(*x.shape[:2], 3, 2, 4).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


@case("language model", "blocks.0.gelu_1 blocks.1.gelu_1", data=words)
class GPT(Learner):
    """Causal transformer blocks with F.gelu and the embedding's weight as the head's."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.place = nn.Embedding(10, 8), nn.Embedding(8, 8)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 10, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x) + self.place.weight[: x.shape[1]]
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h))

    def loss(self, batch: Any) -> Tensor:
        x, _ = batch
        return F.cross_entropy(self(x[:, :-1]).mT, x[:, 1:])


class SwiGLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(8, 16), nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


@case("gated units", "net.1.silu_1 net.2.silu_1", data=words)
class Gated(Learner):
    """SwiGLU blocks with RMSNorm: the activation of the gate is searched, the product stays."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Embedding(10, 8), SwiGLU(), SwiGLU(), nn.RMSNorm(8), nn.Linear(8, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self(batch[0]).mT, batch[1])


@case("text classification", "net.1", data=words)
class Bag(Learner):
    """nn.EmbeddingBag and a mask of padding in the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.bag, self.net = nn.EmbeddingBag(10, 8, mode="mean", padding_idx=0), mlp(8, 8, 2, act=nn.SELU)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.bag(x))

    def loss(self, batch: Any) -> Tensor:
        x, _ = batch
        return F.cross_entropy(self(x), (x[:, 0] > 5).long())


def captioned(rows: int, generator: Generator) -> tuple[Tensor, ...]:
    """Return images and 3 tokens that say which quarter is bright."""
    x, y = images(rows, generator)
    return x, y[:, None] * 2 + torch.randint(2, (rows, 3), generator=generator)


@case("text and images", "image.2 text_head.1", data=loaders(captioned))
class CLIP(Learner):
    """Contrastive loss between embeddings of images and texts, with a learned temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.GELU(), nn.Linear(8, 4))
        self.text, self.text_head = nn.Embedding(8, 8), mlp(8, 8, 4, act=nn.GELU)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        one = F.normalize(self.image(image), dim=1)
        other = F.normalize(self.text_head(self.text(text).mean(1)), dim=1)
        return self.scale.exp() * one @ other.T

    def loss(self, batch: Any) -> Tensor:
        scores = self(*batch)
        same = torch.arange(len(scores))
        return (F.cross_entropy(scores, same) + F.cross_entropy(scores.T, same)) / 2
