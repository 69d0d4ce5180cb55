"""The running of a study: its pieces, each a measurement of seconds to hours, one after the other, side by
side, or spread over the ranks of mpirun; what is finished is kept.

A piece is a function of module level and its arguments. Its result is a value of JSON, and a file of a
directory once it is there, so that the same command continues after Ctrl-C. The directory is named after
the program and the sources that measure: another build measures anew. Threads: a piece runs in a thread
and waits for the programs that it starts; Ctrl-C ends these.
"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

RANKS = (("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE"),
         ("PMIX_RANK", "PMIX_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"))
RANK_WORDS = ("OMPI_", "PMI", "PRTE_", "SLURM_")  # first letters of what programs would take as theirs
WAIT_S = 0.5


def rank_and_size(environment):
    """Which of how many processes this is, as mpirun or srun say it; alone: 0 of 1."""
    for rank, size in RANKS:
        if rank in environment and size in environment:
            return int(environment[rank]), int(environment[size])
    return 0, 1


def duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Programs:
    """Programs that pieces have started, so that they can be ended."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.is_ended = False

    def run(self, words, cwd=None):
        """What it printed, and its processor time in seconds. RuntimeError if it fails. It is alone: ranks
        divide the pieces, not a piece."""
        words = [str(word) for word in words]
        alone = {k: v for k, v in os.environ.items() if not k.startswith(RANK_WORDS)}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            with self.lock:
                if self.is_ended:
                    raise RuntimeError("ended")
                program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                           env=alone, cwd=cwd)
                self.running.add(program.pid)
            os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
            with self.lock:
                _, status, used = os.wait4(program.pid, 0)
                self.running.discard(program.pid)
            program.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            if program.returncode != 0:
                raise RuntimeError(f"{' '.join(words)}: ended with {program.returncode}: {err.read()}")
            return out.read(), used.ru_utime + used.ru_stime

    def end(self):
        with self.lock:
            self.is_ended = True
            for pid in self.running:
                os.kill(pid, 15)


PROGRAMS = Programs()


class Piece:
    """function(place, **arguments), place a directory of its own; cost in any unit, for the time left."""

    def __init__(self, function, cost, **arguments):
        self.function, self.cost, self.arguments = function, cost, arguments
        plain = [str(v) for v in arguments.values() if isinstance(v, (str, int, float))]
        self.label = " ".join([function.__name__, *plain])
        letters = "".join(c if c.isalnum() or c in "-." else "_" for c in self.label)
        whole = json.dumps([function.__name__, arguments], sort_keys=True)
        self.name = f"{letters}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"

    def result(self):
        with tempfile.TemporaryDirectory(prefix="recovery_") as place:
            return self.function(place, **self.arguments)


class Store:
    """Results of finished pieces, as files."""

    def __init__(self, directory, sources):
        whole = hashlib.sha256()
        for path in sources:
            with open(path, "rb") as f:
                whole.update(f.read())
        self.directory = os.path.join(directory, whole.hexdigest()[:12])
        os.makedirs(self.directory, exist_ok=True)

    def path(self, piece):
        return os.path.join(self.directory, f"{piece.name}.json")

    def has(self, piece):
        return os.path.exists(self.path(piece))

    def load(self, piece):
        with open(self.path(piece), encoding="utf-8") as f:
            return json.load(f)

    def save(self, piece, result):
        path = self.path(piece)
        with open(f"{path}.new", "w", encoding="utf-8") as f:
            json.dump(result, f)
            f.flush()
            os.fsync(f.fileno())
        os.replace(f"{path}.new", path)


class Progress:
    """One line, kept up to date on a terminal; elsewhere a line a piece. Standard error."""

    def __init__(self, pieces, n_kept):
        self.began, self.n, self.n_done = time.monotonic(), n_kept + len(pieces), n_kept
        self.cost, self.cost_done = sum(p.cost for p in pieces), 0.0
        self.is_terminal = sys.stderr.isatty()
        self.show(f"{n_kept} of them kept from before" if n_kept else "")

    def show(self, what):
        left = ""
        if self.cost_done > 0:
            s = (time.monotonic() - self.began) * (self.cost - self.cost_done) / self.cost_done
            left = f", {duration(s)} left"
        line = f"recovery: {self.n_done} of {self.n} pieces{left}{': ' if what else ''}{what}"
        print(f"\r\033[K{line[:110]}" if self.is_terminal else line, file=sys.stderr,
              end="" if self.is_terminal else "\n", flush=True)

    def add(self, piece):
        self.n_done += 1
        self.cost_done += piece.cost
        self.show(piece.label)

    def end(self):
        if self.is_terminal:
            print("\r\033[K", file=sys.stderr, end="", flush=True)


def run(pieces, store, jobs, rank=0, size=1):
    """Results in the order of the pieces. A rank measures every size-th piece and waits for the files of
    the others; one that failed elsewhere is waited for until that rank's end ends this one too."""
    own = pieces[rank::size]
    wanted = [p for p in own if not store.has(p)]
    progress = Progress(wanted, len(own) - len(wanted))
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(p.result): p for p in wanted}
        try:
            for done in as_completed(running):
                store.save(running[done], done.result())
                progress.add(running[done])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            PROGRAMS.end()
            raise
        finally:
            progress.end()
    while not all(store.has(p) for p in pieces):
        time.sleep(WAIT_S)
    return [store.load(p) for p in pieces]
