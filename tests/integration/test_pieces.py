"""A study's pieces: kept when finished, continued after Ctrl-C, divided among ranks."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

STUDY = os.path.join(os.environ["MURID_SOURCE_DIR"], "tests", "study")
sys.path.insert(0, STUDY)
import pieces  # noqa: E402  (from the directory above)

# A study of six pieces, each of which writes a line to a log; the fourth sleeps as long as it is told.
PROGRAM = """
import sys
sys.path.insert(0, {study!r})
import os, pieces
def square(place, v):
    pieces.PROGRAMS.run(["sh", "-c", f"echo {{v}} >> {log!r}; exec sleep {{{sleep} if v == 3 else 0}}"])
    return v * v
store = pieces.Store({kept!r}, [pieces.__file__])
rank, size = pieces.rank_and_size(os.environ)
try:
    print(pieces.run([pieces.Piece(square, 1, v=v) for v in range(6)], store, 1, rank, size))
except KeyboardInterrupt:
    sys.exit(1)
"""
ALL = "[0, 1, 4, 9, 16, 25]\n"


def fails(place):
    pieces.PROGRAMS.run(["sh", "-c", "echo why >&2; exit 3"])


def answer(place, v):
    return v


class Pieces(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.log = os.path.join(self.place.name, "log")
        self.kept = os.path.join(self.place.name, "kept")

    def start(self, sleep=0, **environment):
        program = PROGRAM.format(study=STUDY, log=self.log, kept=self.kept, sleep=sleep)
        started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env={**os.environ, **environment})
        self.addCleanup(started.communicate)
        self.addCleanup(started.kill)
        return started

    def measured(self):
        with open(self.log, encoding="utf-8") as f:
            return sorted(int(line) for line in f)

    def test_a_finished_piece_is_not_measured_again(self):
        for _ in range(2):
            self.assertEqual(self.start().communicate(timeout=60)[0], ALL)
        self.assertEqual(self.measured(), list(range(6)))

    def test_after_ctrl_c_the_program_of_a_piece_has_ended_and_the_same_command_continues(self):
        stopped = self.start(sleep=600)
        until = time.monotonic() + 60
        while not os.path.exists(self.log) or 3 not in self.measured():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        stopped.send_signal(signal.SIGINT)
        stopped.communicate(timeout=60)
        self.assertEqual(stopped.returncode, 1)
        self.assertEqual(self.start().communicate(timeout=60)[0], ALL)
        self.assertEqual(self.measured(), [0, 1, 2, 3, 3, 4, 5])

    def test_ranks_measure_each_piece_once_and_all_have_every_result(self):
        ranks = [self.start(OMPI_COMM_WORLD_RANK=str(k), OMPI_COMM_WORLD_SIZE="3") for k in range(3)]
        for rank in ranks:
            self.assertEqual(rank.communicate(timeout=60)[0], ALL)
        self.assertEqual(self.measured(), list(range(6)))

    def test_a_rank_is_known_from_mpirun_or_srun(self):
        self.assertEqual(pieces.rank_and_size({}), (0, 1))
        self.assertEqual(pieces.rank_and_size({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"}), (2, 4))
        self.assertEqual(pieces.rank_and_size({"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}), (1, 2))

    def test_a_program_of_a_piece_does_not_take_itself_for_a_rank(self):
        with unittest.mock.patch.dict(os.environ, {"OMPI_COMM_WORLD_SIZE": "3", "PMIX_RANK": "1", "KEPT": "yes"}):
            said, _ = pieces.PROGRAMS.run(["env"])
        self.assertIn("KEPT=yes", said)
        self.assertNotRegex(said, "OMPI|PMIX")

    def test_a_program_that_fails_ends_the_run_with_its_words_and_keeps_nothing(self):
        store = pieces.Store(self.kept, [pieces.__file__])
        with self.assertRaisesRegex(RuntimeError, "ended with 3: why"):
            pieces.run([pieces.Piece(fails, 1)], store, 1)
        self.assertEqual(os.listdir(store.directory), [])
        pieces.PROGRAMS = pieces.Programs()

    def test_other_arguments_or_another_program_are_measured_anew(self):
        store = pieces.Store(self.kept, [pieces.__file__])
        self.assertEqual(pieces.run([pieces.Piece(answer, 1, v=[1])], store, 1), [[1]])
        self.assertEqual(pieces.run([pieces.Piece(answer, 1, v=[2])], store, 1), [[2]])
        self.assertNotEqual(store.directory, pieces.Store(self.kept, [__file__]).directory)


if __name__ == "__main__":
    unittest.main()
