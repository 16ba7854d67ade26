"""Twin of the two-layer programs of bench/train.lua."""
import random

from common import peak, run, torch
from torch import nn

N, D_in, H, D_out = 64, 1000, 100, 10
random.seed(0)


def pair():
    return torch.randn(N, D_in), torch.randn(N, D_out)


def tensors(steps):
    x, y = pair()
    w1, w2 = torch.randn(D_in, H), torch.randn(H, D_out)
    for _ in range(steps):
        h = x.mm(w1)
        relu = h.clamp(min=0)
        fit = relu.mm(w2)
        (fit - y).pow(2).sum().item()
        g = 2.0 * (fit - y)
        gw2 = relu.t().mm(g)
        gh = g.mm(w2.t()).clone()
        gh[h < 0] = 0
        gw1 = x.t().mm(gh)
        w1 -= 1e-6 * gw1
        w2 -= 1e-6 * gw2


def with_weights(forward):
    def program(steps):
        x, y = pair()
        w1 = torch.randn(D_in, H, requires_grad=True)
        w2 = torch.randn(H, D_out, requires_grad=True)
        for _ in range(steps):
            loss = (forward(x, w1, w2) - y).pow(2).sum()
            loss.item()
            loss.backward()
            with torch.no_grad():
                w1 -= 1e-6 * w1.grad
                w2 -= 1e-6 * w2.grad
                w1.grad.zero_()
                w2.grad.zero_()

    return program


class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        ctx.save_for_backward(inputs)
        return inputs.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (inputs,) = ctx.saved_tensors
        r = g.clone()
        r[inputs < 0] = 0
        return r


def layers():
    return nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out))


def by_hand(steps):
    x, y = pair()
    model, criterion = layers(), nn.MSELoss(reduction="sum")
    for _ in range(steps):
        loss = criterion(model(x), y)
        loss.item()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 1e-4 * p.grad


def with_optimizer(make_model, make_optimizer):
    def program(steps):
        x, y = pair()
        model, criterion = make_model(), nn.MSELoss(reduction="sum")
        optimizer = make_optimizer(model.parameters())
        for _ in range(steps):
            loss = criterion(model(x), y)
            loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return program


class Dynamic(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(D_in, H), nn.Linear(H, H), nn.Linear(H, D_out)

    def forward(self, x):
        h = self.first(x).clamp(min=0)
        for _ in range(random.randint(0, 3)):
            h = self.middle(h).clamp(min=0)
        return self.last(h)


programs = {
    "tensors": tensors,
    "autograd": with_weights(lambda x, w1, w2: x.mm(w1).clamp(min=0).mm(w2)),
    "function": with_weights(lambda x, w1, w2: MyReLU.apply(x.mm(w1)).mm(w2)),
    "nn": by_hand,
    "adam": with_optimizer(layers, lambda p: torch.optim.Adam(p, lr=1e-4)),
    "dynamic": with_optimizer(Dynamic, lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9)),
}
for name, f in programs.items():
    run("two_layer", name, 500, f)
peak("train")
