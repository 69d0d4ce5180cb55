"""What `murid import` makes of files of rigs."""
import csv
import io
import math
import os
import re
import subprocess
import tempfile

from daemon import MURID


def murid(*words, code=0):
    """code None: that of an audit, which says whether it found something."""
    done = subprocess.run([MURID, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == code or (code is None and done.returncode < 2), (words, done.returncode, done.stderr)
    return done


def imported(*paths):
    done = murid("import", *paths, "-o", "-")
    return list(csv.DictReader(io.StringIO(done.stdout))), done.stderr


def number(text):
    return float(text) if text else None


def read(path, *options):
    """The rows as dicts of texts, none if it fails, and the lines of standard error."""
    done = subprocess.run([MURID, "import", path, "-o", "-", *options], capture_output=True, text=True, timeout=300)
    rows = list(csv.DictReader(io.StringIO(done.stdout))) if done.returncode == 0 else []
    return rows, done.stderr.replace(path, "PATH").splitlines()


def differ(rows, expected):
    """What differs between rows and the dicts that were read independently, NaN where nothing is known; "" nothing."""
    if len(rows) != len(expected):
        return f"{len(rows)} rows, {len(expected)} were expected"
    for row, want in zip(rows, expected):
        for name, value in want.items():
            got = row[name] if isinstance(value, str) else number(row[name])
            same = got == value if isinstance(value, str) else \
                got is None if math.isnan(value) else got is not None and abs(got - value) < 1e-9
            if not same:
                return f"trial {row['trial']}: {name} is {row[name]!r}, {value!r} was expected"
    return ""


def check_malformed(test, files, suffix, n_before):
    """Each of the files, name: (bytes, what is said of it, rows that are read or None for n_before)."""
    test.assertGreaterEqual(len(files), 24)
    for name, (content, said, n) in files.items():
        with test.subTest(name), tempfile.TemporaryDirectory(prefix="murid-rig-") as folder:
            path = os.path.join(folder, "m1" + suffix)
            with open(path, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
            rows, lines = read(path)
            test.assertTrue(any(re.search(said, line) for line in lines), f"{said!r} is not in {lines}")
            test.assertEqual(len(rows), n_before if n is None else n, lines)
