"""How fast virtual mice are trained: 1,000 mice x 30 sessions x 500 trials of ibl_training with an rnn
rule of 32 units, on one thread and on two.

    MURID_BIN=build/release/daemon/murid python3 tests/bench/simulate.py

Prints a line `NAME: FIGURE (required: ...)` for each requirement; exits with 1 if one is not met. Trials
per second are of processor time, so that other programs disturb them less; the seconds are not.
"""
import os
import resource
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MURID = os.environ.get("MURID_BIN", os.path.join(SOURCE, "build", "release", "daemon", "murid"))
PROTOCOL = os.path.join(SOURCE, "configs", "protocols", "ibl_training.yaml")
TRIALS = 1000 * 30 * 500


def murid(*words):
    return subprocess.run([MURID, *words], check=True, capture_output=True).stdout


def train(model, threads):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    out = murid("simulate", "--model", model, "--protocol", PROTOCOL, "--mice", "1000",
                "--sessions", "30", "--trials", "500", "--threads", str(threads), "--json")
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return out, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    with tempfile.TemporaryDirectory() as directory:
        table = os.path.join(directory, "t.csv")
        model = os.path.join(directory, "m.safetensors")
        murid("simulate", "--rule", "reinforce", "--rate", "0.03", "--mice", "3", "--sessions", "2",
              "-o", table)
        murid("fit", table, "--rule", "rnn", "--hidden", "32", "--epochs", "2", "-o", model)
        one, wall, used = train(model, 1)
        two, wall_two, _ = train(model, 2)
    speed = TRIALS / used / 1e6
    print(f"trials on one processor: {speed:.2f} million/s (required: 2)")
    print(f"1,000 mice x 30 sessions x 500 trials: {wall:.1f} s on one thread, {wall_two:.1f} s on "
          f"two (required: 10)")
    print(f"one thread and two say the same: {'yes' if one == two else 'no'} (required: yes)")
    return 0 if speed >= 2 and min(wall, wall_two) <= 10 and one == two else 1


if __name__ == "__main__":
    sys.exit(main())
