"""Twin of bench/overhead.lua: what a small operation costs in PyTorch."""
from common import peak, per_call, report, median, torch

a, b = torch.ones(8), torch.ones(8)
x, y = torch.ones(16), torch.ones(16)
w8 = torch.ones(8, requires_grad=True)
w = torch.ones(16, requires_grad=True)
z = torch.zeros(8)
p, q = torch.ones(8, 8), torch.ones(8, 8)
g = torch.ones(16)

per_call("a:add(b) 8 floats", 100000, lambda: a.add(b))
per_call("x+y 16 floats", 100000, lambda: x + y)
per_call("a:add(w) 8 floats, recording", 100000, lambda: a.add(w8))
per_call("z:add_(b) 8 floats, in place", 100000, lambda: z.add_(b))
per_call("x+1 (a number)", 100000, lambda: x + 1)
per_call("x:clamp{min=0}", 100000, lambda: x.clamp(min=0))
per_call("x:view(4, 4)", 100000, lambda: x.view(4, 4))
per_call("x[3]:item()", 50000, lambda: x[2].item())
per_call("x.shape", 100000, lambda: x.shape)
per_call("w.grad", 100000, lambda: w.grad)
per_call("x:sum()", 100000, lambda: x.sum())
per_call("8x8 mm", 50000, lambda: p.mm(q))


def chain():
    s = x
    for _ in range(100):
        s = s + w
    return s


def chain_back():
    chain().backward(g)


chain_back()
report("overhead/chain of adds, forward", median(lambda: [chain() for _ in range(200)], 7) / 20000 * 1e9, "ns")
report("overhead/chain of adds, forward+backward", median(lambda: [chain_back() for _ in range(200)], 7) / 20000 * 1e9, "ns")

linear = torch.nn.Linear(8, 8)
per_call("nn.Linear(8, 8)", 20000, lambda: linear(p))
peak("overhead")
