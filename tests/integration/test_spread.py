"""Jobs over threads and ranks: the same bytes whoever does them, and no rank that hangs when one
fails or is told to stop. Ranks need a build with MURID_MPI."""
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import skips

JOBS = os.environ["SPREAD_JOBS"]
HAS_MPI = os.environ["MURID_MPI"] == "1"
MPIRUN = ["mpirun", "--oversubscribe", "--allow-run-as-root"]


class Spread(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.kept = os.path.join(self.directory.name, "m.fit")

    def start(self, ranks, *words):
        launcher = [*MPIRUN, "-n", str(ranks)] if ranks > 1 else []
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMI", "SLURM_"))}
        return subprocess.Popen([*launcher, JOBS, self.kept, *words], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=env)

    def run_jobs(self, ranks, *words):
        process = self.start(ranks, *words)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.returncode, out, err

    def digest(self, ranks, *words):
        code, out, err = self.run_jobs(ranks, *words)
        self.assertEqual(code, 0, err)
        digests = re.findall(r"(?m)^rank [0-9]+ of ([0-9]+): ([0-9a-f]{64})$", out)
        self.assertEqual(len(digests), ranks, out)
        self.assertEqual({int(n) for n, _ in digests}, {ranks}, out)
        self.assertEqual(len({d for _, d in digests}), 1, out)
        self.assertFalse(os.path.exists(self.kept))
        return digests[0][1]

    def stop(self, ranks, threads, rank):
        """Sends Ctrl-C to one rank once a job is done and others are at work."""
        process = self.start(ranks, "--threads", str(threads), "--steps", "300")
        try:
            pids = {}
            while len(pids) < ranks:
                told = re.fullmatch(r"rank ([0-9]+) has pid ([0-9]+)\n", process.stdout.readline())
                pids[int(told[1])] = int(told[2])
            deadline = time.monotonic() + 30
            while not (os.path.isdir(self.kept) and
                       any(n.endswith(".result") for n in os.listdir(self.kept))):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            os.kill(pids[rank], signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 1, err)
        self.assertEqual(len(re.findall(r"(?m)^murid: interrupted with [0-9]+ of 12 jobs done; "
                                        r"the same command with --resume continues$", err)), 1, err)
        self.assertNotIn(".tmp", " ".join(os.listdir(self.kept)))

    def test_threads_change_no_byte(self):
        one = self.digest(1)
        self.assertEqual(one, self.digest(1, "--threads", "2"))
        self.assertEqual(one, self.digest(1, "--threads", "7"))

    def test_an_interrupted_run_goes_on(self):
        whole = self.digest(1, "--steps", "300", "--threads", "4", "--nap-us", "0")
        self.stop(1, 2, 0)
        self.assertTrue(any(n.endswith(".state") for n in os.listdir(self.kept)))
        code, out, err = self.run_jobs(1, "--steps", "300", "--nap-us", "0", "--resume")
        self.assertEqual(code, 0, err)
        self.assertIn(whole, out)
        self.assertRegex(err, r"job [0-9]+ goes on from step [1-9][0-9]*")

    def test_a_killed_run_goes_on(self):
        whole = self.digest(1, "--steps", "300", "--nap-us", "0")
        process = self.start(1, "--steps", "300", "--threads", "2")
        while not (os.path.isdir(self.kept) and
                   any(n.endswith(".result") for n in os.listdir(self.kept))):
            time.sleep(0.01)
        process.kill()
        process.communicate()
        self.assertEqual(whole, self.digest(1, "--steps", "300", "--nap-us", "0", "--resume"))

    def test_a_program_without_mpi_does_not_do_everything_twice(self):
        if HAS_MPI:
            return
        env = dict(os.environ, OMPI_COMM_WORLD_SIZE="2")
        done = subprocess.run([JOBS, self.kept], capture_output=True, text=True, env=env)
        self.assertEqual(done.returncode, 2)
        self.assertIn("started as one of 2 tasks (OMPI_COMM_WORLD_SIZE), each of which would do all "
                      "the work: this murid was built without MPI", done.stderr)

    def test_ranks_change_no_byte(self):
        if not HAS_MPI:
            self.skipTest("built without MPI")
        one = self.digest(1)
        for ranks, threads in ((2, 1), (2, 2), (3, 1)):
            self.assertEqual(one, self.digest(ranks, "--threads", str(threads)))
        few = self.digest(1, "--jobs", "1")
        self.assertEqual(few, self.digest(3, "--jobs", "1"))

    def test_a_job_that_fails_ends_all_ranks_with_one_message(self):
        if not HAS_MPI:
            self.skipTest("built without MPI")
        steps = ["--steps", "40", "--threads", "2"]
        for failing in (1, 2):
            code, out, err = self.run_jobs(2, "--fail", str(failing), *steps)
            self.assertEqual(code, 1, err)
            self.assertNotIn("of 2:", out)
            self.assertEqual(err.count(f"murid: job {failing} failed, as it was asked to"), 1, err)
            self.assertTrue(os.path.exists(self.kept))
            if failing == 1:
                code, _, err = self.run_jobs(2, "--resume", "--key", "other")
                self.assertEqual(code, 2, err)
                self.assertEqual(err.count("of another fit"), 1, err)
            self.digest(1, *steps, "--resume", "--nap-us", "0")

    def test_ctrl_c_at_any_rank_stops_all_and_fewer_ranks_go_on(self):
        if not HAS_MPI:
            self.skipTest("built without MPI")
        whole = self.digest(1, "--steps", "300", "--nap-us", "0")
        for rank in (0, 1):
            self.stop(2, 2, rank)
            self.assertEqual(whole, self.digest(2 - rank, "--steps", "300", "--nap-us", "0",
                                                "--resume"))

    def test_a_directory_that_cannot_be_made_is_told_once(self):
        self.kept = "/nonexistent/m.fit"
        for ranks in (1, 2) if HAS_MPI else (1,):
            code, _, err = self.run_jobs(ranks)
            self.assertEqual(code, 1, err)
            self.assertEqual(err.count("murid: /nonexistent/m.fit: cannot be created"), 1, err)


if __name__ == "__main__":
    skips.main()
