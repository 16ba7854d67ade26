"""Twin of bench/gpu.lua: the same work in PyTorch, eager and as a CUDA graph; microseconds."""
import statistics
import time

from common import report, torch
from torch import nn
from torch.nn import functional as F

MANY, ROWS, CLASSES, ROUNDS, BATCH = 100_000_000, 8192, 32768, 9, 0.03
torch.backends.cuda.matmul.allow_tf32 = False
torch.set_default_device("cuda")
torch.manual_seed(0)


def measure(f):
    def batch(n):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(n):
            f()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / n

    batch(3)
    n = max(1, min(20000, int(BATCH / batch(5))))
    return statistics.median(batch(n) for _ in range(ROUNDS)) * 1e6


def line(name, f):
    t = measure(f)
    report("gpu/" + name, t, "us")
    return t


x, y = torch.randn(MANY), torch.empty(MANY)
line("copy", lambda: y.copy_(x))
line("add, in place", lambda: y.add_(x))
line("multiply by a number", lambda: torch.mul(x, 2, out=y))
line("exp", lambda: torch.exp(x, out=y))
line("tanh", lambda: torch.tanh(x, out=y))
line("relu", lambda: torch.clamp(x, min=0, out=y))
line("sum", lambda: x.sum())
line("max", lambda: x.max())
wide, tall = x.view(-1, 10000), x.view(10000, -1)
line("sum of rows", lambda: wide.sum(1))
line("sum of columns", lambda: tall.sum(0))
del x, y, wide, tall

scores = torch.randn(ROWS, CLASSES)
line("softmax", lambda: scores.softmax(1))
line("log_softmax", lambda: scores.log_softmax(1))
labels = torch.randint(0, CLASSES, (ROWS,))
line("cross_entropy", lambda: F.cross_entropy(scores, labels))
scores.requires_grad_()


def both():
    scores.grad = None
    F.cross_entropy(scores, labels).backward()


line("cross_entropy, forward and backward", both)
del scores, labels

for kind in ("float32", "bfloat16", "float16"):
    n = 4096 if kind == "float32" else 8192
    a, b = torch.randn(n, n).to(getattr(torch, kind)), torch.randn(n, n).to(getattr(torch, kind))
    t = line(f"product of {kind}", lambda a=a, b=b: a.mm(b))
    report(f"gpu/rate of {kind}", 2 * n**3 / t / 1e6, "TFLOP/s")
del a, b

one, other = torch.ones(1), torch.ones(1)
line("add of one element", lambda: one.add(other))
line("item", lambda: one.item())

parameters = [torch.randn(800_000, requires_grad=True) for _ in range(148)]
for p in parameters:
    p.grad = torch.randn(800_000)
adam = torch.optim.Adam(parameters, lr=1e-4)
line("Adam, 148 parameters of 800,000", adam.step)
del parameters, adam

model = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10))
criterion = nn.MSELoss(reduction="sum")
data, target = torch.randn(64, 1000), torch.randn(64, 10)


def step(optimizer, set_to_none=True):
    loss = criterion(model(data), target)
    optimizer.zero_grad(set_to_none=set_to_none)
    loss.backward()
    optimizer.step()
    return loss


eager = torch.optim.Adam(model.parameters(), lr=1e-4)
line("two-layer step, eager", lambda: step(eager))

capturable = torch.optim.Adam(model.parameters(), lr=1e-4, capturable=True)
side = torch.cuda.Stream()
side.wait_stream(torch.cuda.current_stream())
with torch.cuda.stream(side):
    for _ in range(3):
        step(capturable)
torch.cuda.current_stream().wait_stream(side)
graph = torch.cuda.CUDAGraph()
capturable.zero_grad(set_to_none=True)
with torch.cuda.graph(graph):
    loss = criterion(model(data), target)
    loss.backward()
    capturable.step()
line("two-layer step, replayed", graph.replay)
report("gpu/most memory", torch.cuda.max_memory_allocated() / 2**20, "MB")
