"""What every Python peer shares: options, timing, memory, and the report that the driver reads."""

import argparse
import json
import resource
import statistics
import sys
import time


def integers(text):
    return [] if text == "none" else [int(part) for part in text.split(",")]


def parse_options(description, *extra):
    """Options as `pocketlens bench` has them. `extra` are (name, keyword arguments) of a peer's own."""
    parser = argparse.ArgumentParser(description=description)
    for name, settings in extra:
        parser.add_argument(name, **settings)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slices", type=integers, default=[1])
    parser.add_argument("--prefill", type=integers, default=[128])
    parser.add_argument("--decode", type=integers, default=[128])
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    return parser.parse_args()


def timed(work):
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000


def summary(samples):
    return {
        "rounds": len(samples),
        "ms": statistics.median(ms for ms, _ in samples),
        "cpuMs": statistics.median(cpu for _, cpu in samples),
        "bestMs": min(ms for ms, _ in samples),
    }


def measure(work, rounds, seconds):
    """Median of the rounds; the first warms up, and counts only when there is no time for another."""
    start = time.perf_counter()
    first = timed(work)
    samples = []
    while len(samples) < rounds and time.perf_counter() - start < seconds:
        samples.append(timed(work))
    return summary(samples or [first])


def measure_steps(step, options):
    """Median of single-token steps; the first warms up."""
    step()
    start = time.perf_counter()
    samples = []
    while len(samples) < options.new_tokens and (not samples or time.perf_counter() - start < options.seconds):
        samples.append(timed(step))
    return summary(samples)


class MemoryWatch:
    """Most resident and anonymous memory of several looks, in bytes."""

    def __init__(self):
        self.most = {"residentBytes": 0, "anonymousBytes": 0}

    def look(self):
        with open("/proc/self/smaps_rollup", encoding="ascii") as file:
            fields = {line.split(":")[0]: line.split()[1] for line in file if line.rstrip().endswith(" kB")}
        now = {"residentBytes": int(fields["Rss"]) * 1024, "anonymousBytes": int(fields["Anonymous"]) * 1024}
        self.most = {name: max(value, now[name]) for name, value in self.most.items()}
        return now

    def report(self, loaded):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"loaded": loaded, "most": self.most, "peakResidentBytes": max(peak, self.most["residentBytes"])}


def print_report(report):
    json.dump(report, sys.stdout)
    print()
