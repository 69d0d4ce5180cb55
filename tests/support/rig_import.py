"""What murid import makes of a rig's files: rows of the table and lines that it said."""
import csv
import io
import math
import os
import subprocess
import tempfile

from daemon import MURID


def read(path, *options):
    """The rows as dicts of texts, and the lines of standard error."""
    with tempfile.TemporaryDirectory(prefix="murid-import-") as folder:
        out = os.path.join(folder, "t.csv")
        done = subprocess.run([MURID, "import", path, "-o", out, *options], capture_output=True, text=True, timeout=300)
        rows = []
        if done.returncode == 0:
            with open(out, newline="") as f:
                rows = list(csv.DictReader(io.StringIO(f.read())))
        return rows, done.stderr.replace(path, "PATH").splitlines()


def number(text):
    return float(text) if text else math.nan


def differ(rows, expected):
    """What differs between rows and the dicts that were read independently; "" nothing."""
    if len(rows) != len(expected):
        return f"{len(rows)} rows, {len(expected)} were expected"
    for row, want in zip(rows, expected):
        for name, value in want.items():
            got = row[name] if isinstance(value, str) else number(row[name])
            same = got == value if isinstance(value, str) else \
                (math.isnan(got) if math.isnan(value) else abs(got - value) < 1e-9)
            if not same:
                return f"trial {row['trial']}: {name} is {row[name]!r}, {value!r} was expected"
    return ""


def check_malformed(test, files, suffix, n_before):
    """Each of the files, name: (bytes, what is said of it, rows that are read or None for n_before)."""
    import re
    test.assertGreaterEqual(len(files), 24)
    for name, (content, said, n) in files.items():
        with test.subTest(name), tempfile.TemporaryDirectory(prefix="murid-rig-") as folder:
            path = os.path.join(folder, "m1" + suffix)
            with open(path, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
            rows, lines = read(path)
            test.assertTrue(any(re.search(said, line) for line in lines), f"{said!r} is not in {lines}")
            test.assertEqual(len(rows), n_before if n is None else n, lines)
