"""What the peers share: the number of threads, timing, one line per figure (the form of bench/timer.lua)."""
import os
import resource
import statistics
import sys
import time

THREADS = int(sys.argv[sys.argv.index("--threads") + 1]) if "--threads" in sys.argv else 1
ONLY = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else None
REPS = int(sys.argv[sys.argv.index("--reps") + 1]) if "--reps" in sys.argv else 5
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))

import torch  # noqa: E402  (after the environment is set)

torch.set_num_threads(THREADS)
torch.manual_seed(0)


def median(f, reps=REPS):
    times = []
    for _ in range(reps):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def report(name, value, unit):
    print(f"{name:<44} {value:10.1f} {unit}", flush=True)


def per_call(name, n, f):
    """nanoseconds per call of f"""

    def loop(count=n):
        for _ in range(count):
            f()

    loop(n // 10 + 1)
    report("overhead/" + name, median(loop, 7) / n * 1e9, "ns")


def run(group, name, steps, f):
    if ONLY and ONLY not in (name, group + "/" + name):
        return
    f(20)
    report(group + "/" + name, median(lambda: f(steps)) * 1e3, "ms")


def peak(group):
    report(group + "/peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
