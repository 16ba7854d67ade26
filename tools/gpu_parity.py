"""PyTorch's half of tools/gpu_parity.lua: answers DIR/cases.jsonl on a device.

python3 tools/gpu_parity.py DIR [cuda|cpu] [few]   writes DIR/answers.jsonl and DIR/answers.bin (float64 and int64, little endian)
"""
import json
import sys

import torch
from torch import nn

DIR, DEVICE = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "cuda"
FEW = "few" in sys.argv
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
blob = open(DIR + "/answers.bin", "wb")
out = open(DIR + "/answers.jsonl", "w")


def store(t):
    """where a tensor's elements are in the file"""
    if not torch.is_tensor(t):
        t = torch.tensor(t)
    t = t.detach().resolve_conj()
    wide = t.to(torch.float64 if t.is_floating_point() else torch.int64).cpu().contiguous().reshape(-1)
    place = {"dtype": str(t.dtype)[6:], "shape": list(t.shape), "offset": blob.tell(), "count": wide.numel()}
    blob.write(wide.numpy().tobytes())
    return place


def write(answer):
    out.write(json.dumps(answer) + "\n")


# ---- operations

leaves = []


def read(v, inplace):
    if isinstance(v, list):
        return [read(x, inplace) for x in v]
    if not isinstance(v, dict):
        return v
    if "is_dtype" in v:
        return getattr(torch, v["is_dtype"])
    if not v.get("is_tensor"):
        return v
    dtype = getattr(torch, v["dtype"])
    if "seed" in v:
        torch.manual_seed(v["seed"])
        t = torch.rand(v["shape"], dtype=torch.float64, device="cpu") * 2 - 1
    else:
        flat = torch.tensor(v["values"], dtype=torch.float64 if dtype.is_floating_point else dtype, device="cpu")
        t = flat.reshape(v["shape"])
    t = t.to(DEVICE).to(dtype)
    if v["grad"] and not inplace:
        t.requires_grad_()
        leaves.append(t)
    return t


def resolve(key, args):
    if key.startswith("nn.functional."):
        return getattr(nn.functional, key[14:])
    if args and torch.is_tensor(args[0]) and hasattr(torch.Tensor, key) and key != "where":
        return getattr(torch.Tensor, key)
    return getattr(torch, key)


def flat(result):
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in flat(r)]
    return [result]


def weighted(results):
    total = None
    for t in results:
        if torch.is_tensor(t) and t.requires_grad and t.is_floating_point():
            w = ((torch.arange(t.numel(), device=t.device) * 7 % 5 + 1).to(t.dtype).reshape(t.shape)) / 4
            s = (t * w).sum()
            total = s if total is None else total + s
    return total


def answer(q):
    leaves.clear()
    inplace = q["inplace"]
    args = [read(a, inplace) for a in q["args"]]
    kw = {k: read(v, inplace) for k, v in dict(q["kw"]).items()}
    results = flat(resolve(q["key"], args)(*args, **kw))
    a = {"id": q["id"], "out": [store(t) for t in results]}
    total = weighted(results)
    if total is not None and leaves:
        try:
            total.backward()
        except RuntimeError as e:  # what has no derivative there
            a["no_grad"] = str(e)[:300]
            return a
        a["grad"] = [None if t.grad is None else store(t.grad) for t in leaves]
    return a


# ---- random numbers, the same list as in gpu_parity.lua


def fresh(n):
    return torch.empty(n)


RANDOM = [
    ("rand 8", lambda: torch.rand(8)),
    ("rand 1000", lambda: torch.rand(1000)),
    ("randn 1000", lambda: torch.randn(1000)),
    ("rand 300000", lambda: torch.rand(300000)),
    ("randn 300001", lambda: torch.randn(300001)),
    ("rand float64", lambda: torch.rand(777, dtype=torch.float64)),
    ("uniform_", lambda: fresh(5001).uniform_(-2, 3)),
    ("normal_", lambda: fresh(5001).normal_(1, 2)),
    ("randint 10", lambda: torch.randint(0, 10, (4001,))),
    ("randint 2^40", lambda: torch.randint(0, 2**40, (4001,))),
    ("bernoulli_", lambda: fresh(9001).bernoulli_(0.3)),
    ("bernoulli", lambda: torch.full((3003,), 0.25).bernoulli()),
    ("dropout", lambda: nn.functional.dropout(torch.ones(10007), 0.4)),
    ("dropout twice", lambda: nn.functional.dropout(torch.ones(64, 100), 0.5)),
    ("exponential_", lambda: fresh(2003).exponential_(1.5)),
    ("rand float16", lambda: torch.rand(1003, dtype=torch.float16)),
]


def random_numbers():
    for seed in (0, 1234567):
        torch.manual_seed(seed)
        for name, f in RANDOM:
            write({"name": f"seed {seed} {name}", **store(f())})


# ---- training, the same programs as in gpu_parity.lua


def draw(*shape):
    return torch.randn(*shape, device="cpu").to(DEVICE)


def by_hand():
    x, y, w1, w2 = draw(64, 1000), draw(64, 10), draw(1000, 100), draw(100, 10)

    def step():
        h = x.mm(w1)
        relu = h.clamp(min=0)
        fit = relu.mm(w2)
        g = 2.0 * (fit - y)
        gw2, gh = relu.t().mm(g), g.mm(w2.t())
        gh[h < 0] = 0
        gw1 = x.t().mm(gh)
        w1.sub_(1e-6 * gw1)
        w2.sub_(1e-6 * gw2)
        return (fit - y).pow(2).sum()

    return step


def autograd():
    x, y, w1, w2 = draw(64, 1000), draw(64, 10), draw(1000, 100).requires_grad_(), draw(100, 10).requires_grad_()

    def step():
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                w.sub_(1e-6 * w.grad)
                w.grad = None
        return loss

    return step


def trained(make, criterion, labels=False):
    def program():
        x = draw(64, 1000)
        y = (torch.arange(64, device="cpu") % 10).to(DEVICE) if labels else draw(64, 10)
        with torch.device("cpu"):
            model = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10))
        model = model.to(DEVICE)
        optimizer = make(model.parameters())

        def step():
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return step

    return program


TRAIN = {
    "tensors": by_hand,
    "autograd": autograd,
    "sgd": trained(lambda p: torch.optim.SGD(p, lr=1e-4, momentum=0.9), nn.MSELoss(reduction="sum")),
    "adam": trained(lambda p: torch.optim.Adam(p, lr=1e-4), nn.MSELoss(reduction="sum")),
    "rmsprop": trained(lambda p: torch.optim.RMSprop(p, lr=1e-4), nn.MSELoss(reduction="sum")),
    "classes": trained(lambda p: torch.optim.Adam(p, lr=1e-3), nn.CrossEntropyLoss(), True),
}


def training():
    for name, program in TRAIN.items():
        torch.manual_seed(0)
        step = program()
        write({"name": "train " + name, "losses": [step().item() for _ in range(5 if FEW else 500)]})


write({"version": torch.__version__, "device": torch.cuda.get_device_name() if DEVICE != "cpu" else "cpu"})
torch.set_default_device(DEVICE)
for line in open(DIR + "/cases.jsonl"):
    q = json.loads(line)
    try:
        write(answer(q))
    except Exception as e:  # what PyTorch does not take is counted, and told
        write({"id": q["id"], "refused": f"{type(e).__name__}: {e}"[:300]})
if DEVICE != "cpu":
    random_numbers()
training()
