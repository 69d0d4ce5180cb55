"""The daemon's locks hold whatever it is asked to read: its own files are never opened for others, and
what it cannot read it does not quote."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from daemon import MURID, Daemon, trial

LOOK = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(" \
       "'SELECT count(*) FROM event').fetchone()[0])"


def fds(pid, path):
    """Paths in /proc of a process's own descriptors of a file."""
    directory = f"/proc/{pid}/fd"
    return [os.path.join(directory, fd) for fd in os.listdir(directory)
            if os.path.realpath(os.path.join(directory, fd)) == path]


def make_model(path):
    subprocess.run([MURID, "model", "--new", "--rule", "reinforce", "-o", path], check=True,
                   stdout=subprocess.DEVNULL)


class Locks(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.outside = tempfile.mkdtemp(prefix="murid-test-")
        self.addCleanup(shutil.rmtree, self.outside, ignore_errors=True)

    def start(self, n=200):
        self.daemon.start()
        self.addCleanup(self.daemon.stop)
        asker = self.daemon.asker()
        for i in range(n):
            asker.ask(**trial(i))
        self.daemon.settle()
        return self.daemon

    def load(self, path):
        return self.daemon.command("load_model", file=path)

    def own_files(self):
        """Every name under which the daemon's own files can be reached."""
        daemon = self.daemon
        own = [daemon.journal, daemon.journal + "-wal", daemon.journal + "-shm",
               os.path.join(daemon.data, "lock")]
        names = []
        for i, path in enumerate(own):
            soft, hard = (os.path.join(self.outside, f"{kind}{i}") for kind in ("soft", "hard"))
            os.symlink(path, soft)
            os.link(path, hard)
            names += [path, soft, hard, os.path.join(daemon.data, "..", "data",
                                                     os.path.basename(path))]
            names += fds(daemon.process.pid, os.path.realpath(path))[:1]
        os.symlink(daemon.data, os.path.join(self.outside, "data"))
        return names + [os.path.join(self.outside, "data", "journal.sqlite")]

    def assert_holds_its_files(self, n):
        """No second daemon starts, a look from outside takes nothing away, and what was durable is
        there after a kill."""
        daemon = self.daemon
        other = Daemon(directory=self.outside)
        self.addCleanup(other.close)
        other.settings["data"]["directory"] = daemon.data
        other.write_config()
        other.launch()
        self.assertEqual(other.process.wait(60), 1, other.log())
        self.assertIn("another murid", other.log())
        look = subprocess.run([sys.executable, "-c", LOOK, daemon.journal], capture_output=True,
                              text=True, check=True)
        self.assertEqual(int(look.stdout), n)
        asker = daemon.asker()
        for i in range(n, n + 300):
            asker.ask(**trial(i))
        durable = daemon.settle()["durable_events"]
        self.assertEqual(durable, n + 300)
        daemon.kill()
        self.assertEqual(daemon.query("SELECT count(*) FROM event"), [(durable,)])
        daemon.start()
        self.assertEqual(len(daemon.trials()), durable)

    def assert_refused(self, path):
        reply = self.load(path)
        self.assertEqual((reply["kind"], reply.get("code")), ("error", "not_found"), path)
        self.assertIn("data directory", reply["text"], path)

    def test_a_model_that_is_a_file_of_the_daemon_is_refused_and_its_locks_stand(self):
        self.start()
        for path in self.own_files():
            self.assert_refused(path)
        inside = os.path.join(self.daemon.data, "below", "model.safetensors")
        os.mkdir(os.path.dirname(inside))
        make_model(inside)
        self.assert_refused(inside)
        self.assert_holds_its_files(200)

    def test_locks_stand_though_another_descriptor_of_the_lock_is_closed(self):
        """The lock is of the open file, not of the process: a child that has it open keeps nothing."""
        self.start(1)
        with open(os.path.join(self.daemon.data, "lock"), "r+"):
            pass
        with open("/proc/locks") as f:
            inode = os.stat(os.path.join(self.daemon.data, "lock")).st_ino
            held = [line.split()[1] for line in f if f":{inode} " in line]
        self.assertEqual(held, ["OFDLCK"])

    def test_a_configuration_that_names_a_file_of_the_journal_is_refused(self):
        self.start(1)
        self.assertEqual(self.daemon.stop(), 0)
        for section in ("model", "protocol"):
            self.daemon.settings[section] = {"file": self.daemon.journal}
            self.daemon.write_config()
            self.daemon.launch()
            self.assertEqual(self.daemon.process.wait(60), 2, self.daemon.log())
            self.daemon.process = None
            self.assertRegex(self.daemon.log().splitlines()[-1], f"^murid: {self.daemon.journal}: "
                             f"belongs to the data directory, where no {section}")
            del self.daemon.settings[section]

    def test_what_is_no_regular_file_is_refused_at_once(self):
        self.start(1)
        fifo = os.path.join(self.outside, "fifo")
        os.mkfifo(fifo)
        for path in (fifo, "/dev/zero", "/dev/tty", self.outside, "/proc/self/fd/0"):
            reply = self.load(path)
            self.assertEqual(reply["kind"], "error", path)
        self.assertIn("not a regular file", self.load(fifo)["text"])
        self.assertIn("No such file", self.load("/nowhere")["text"])
        self.assertEqual(self.daemon.asker().ask(**trial(1))["for_trial"], 2)

    def test_no_byte_of_a_file_that_cannot_be_taken_is_said(self):
        self.start(1)
        header = b'{"__metadata__":{"rule":"hunter2","policy":"stimulus"}}'
        name = b'{"hunter2":{"dtype":"hunter2","shape":[1],"data_offsets":[0,8]}}'
        files = {"text": b"hunter2 is the password\n", "short": b"hunter", "empty": b"",
                 "metadata": len(header).to_bytes(8, "little") + header,
                 "tensor": len(name).to_bytes(8, "little") + name + bytes(8)}
        for what, content in files.items():
            path = os.path.join(self.outside, what)
            with open(path, "wb") as f:
                f.write(content)
            text = self.load(path)["text"]
            self.assertTrue(text.startswith(path + ": "), text)
            self.assertIn("model file", text)
            said = text[len(path):] + self.daemon.log()
            self.assertNotIn("hunter", said)
            number = str(int.from_bytes(content[:8], "little"))
            if len(number) > 10:  # shorter ones stand in times and ports as well
                self.assertNotIn(number, said)

    def test_a_model_that_a_link_names_is_loaded(self):
        self.start(1)
        path, link = (os.path.join(self.outside, n) for n in ("m.safetensors", "link"))
        make_model(path)
        os.symlink(path, link)
        self.assertEqual(self.load(link)["kind"], "done")
        self.assert_holds_its_files(1)


if __name__ == "__main__":
    unittest.main()
