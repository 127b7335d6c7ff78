"""``make fuzz N=2000 SEED=0``: how generated cases come out, and a script of each failure."""

import argparse
import os
from collections import Counter

from joblib import Parallel, delayed

from . import draw, run, shrink
from ._shrink import script


def one(seed, index):
    """Return a case's request and outcome, and the script of a failure."""
    case = draw(seed, index)
    outcome = run(case)
    if not outcome.failed:
        return index, str(case), outcome, ""
    small = shrink(case, outcome) if outcome.word != "slow" else case
    return index, str(case), outcome, script(small, run(small), seed, index)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="what they are drawn from")
    parser.add_argument("--only", type=int, help="one case of them")
    parser.add_argument("--start", type=int, default=0, help="the first case")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--verbose", action="store_true", help="print every case")
    arguments = parser.parse_args()
    known = arguments.only
    indices = range(arguments.start, arguments.n) if known is None else [known]
    found = Parallel(n_jobs=arguments.jobs, return_as="generator_unordered")(
        delayed(one)(arguments.seed, index) for index in indices
    )
    words, failures = Counter(), 0
    for index, text, outcome, code in found:
        words[outcome.word] += 1
        if arguments.verbose or outcome.failed:
            print(f"{index:5d} {outcome.word:9s} {outcome.seconds:5.1f} s  {text}", flush=True)
            if outcome.detail and (arguments.verbose or outcome.failed):
                print(f"      {outcome.detail}", flush=True)
        if outcome.failed:
            failures += 1
            print(code, flush=True)
    print(f"\n{sum(words.values())} cases of seed {arguments.seed}: ", end="")
    print(", ".join(f"{count} {word}" for word, count in words.most_common()))
    raise SystemExit(failures > 0)


if __name__ == "__main__":
    main()
