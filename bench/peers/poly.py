"""Twin of the polynomial programs of bench/train.lua."""
import math

from common import run, torch
from torch import nn


def sine():
    x = torch.linspace(-math.pi, math.pi, 2000)
    return x, torch.sin(x)


def tensors(steps):
    x, y = sine()
    a, b, c, d = (torch.randn(()) for _ in range(4))
    rate = 1e-6
    for _ in range(steps):
        fit = a + b * x + c * x**2 + d * x**3
        (fit - y).pow(2).sum().item()
        g = 2.0 * (fit - y)
        ga, gb, gc, gd = g.sum(), (g * x).sum(), (g * x**2).sum(), (g * x**3).sum()
        a -= rate * ga
        b -= rate * gb
        c -= rate * gc
        d -= rate * gd


def descend(rate, *parameters):
    with torch.no_grad():
        for p in parameters:
            p -= rate * p.grad
            p.grad = None


def autograd(steps):
    x, y = sine()
    a, b, c, d = (torch.randn((), requires_grad=True) for _ in range(4))
    for _ in range(steps):
        loss = (a + b * x + c * x**2 + d * x**3 - y).pow(2).sum()
        loss.backward()
        descend(1e-6, a, b, c, d)


class Legendre(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs):
        ctx.save_for_backward(inputs)
        return 0.5 * (5 * inputs**3 - 3 * inputs)

    @staticmethod
    def backward(ctx, g):
        (inputs,) = ctx.saved_tensors
        return g * 1.5 * (5 * inputs**2 - 1)


def function(steps):
    x, y = sine()
    a, b, c, d = (torch.full((), v, requires_grad=True) for v in (0.0, -1.0, 0.0, 0.3))
    for _ in range(steps):
        loss = (a + b * Legendre.apply(c + d * x) - y).pow(2).sum()
        loss.backward()
        descend(5e-6, a, b, c, d)


def cubic():
    x, y = sine()
    model = nn.Sequential(nn.Linear(3, 1), nn.Flatten(0, 1))
    return x.unsqueeze(-1).pow(torch.tensor([1, 2, 3])), y, model, nn.MSELoss(reduction="sum")


def layers(steps):
    xx, y, model, criterion = cubic()
    for _ in range(steps):
        loss = criterion(model(xx), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 1e-6 * p.grad


def rmsprop(steps):
    xx, y, model, criterion = cubic()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    for _ in range(steps):
        loss = criterion(model(xx), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


for name, f in (("tensors", tensors), ("autograd", autograd), ("function", function), ("nn", layers), ("rmsprop", rmsprop)):
    run("poly", name, 2000, f)
