"""The checksums of a journal's rows, by docs/journal.md and not by the daemon's code: to check them,
and to seal rows that a test has changed."""
import hashlib
import struct

COLUMNS = {"run": "*", "subject": "*", "event": "*", "prediction": "*", "alert": "*",
           "adaptation": "*",
           "session": "id, rig, subject, name, named_here, started_wall_ns, given, run,"
                      " stated, counts, chain"}
KEY = {"prediction": "event"}


def value(v):
    if v is None or v != v:
        return b"n" + bytes(8)
    if isinstance(v, int):
        return b"i" + struct.pack("<q", v)
    if isinstance(v, float):
        return b"r" + struct.pack("<d", v + 0.0)
    data = v.encode() if isinstance(v, str) else v
    return (b"t" if isinstance(v, str) else b"b") + struct.pack("<Q", len(data)) + data


def checksum(values, seed=bytes(16)):
    return hashlib.blake2b(seed + b"".join(map(value, values)), digest_size=16).digest()


def rows(db, table):
    """Of each row its values, and its chain as it stands."""
    for row in db.execute(f"SELECT {COLUMNS[table]} FROM {table}"
                          f" ORDER BY {KEY.get(table, 'id')}"):
        yield row[:-1], row[-1]


def head(db, table):
    """Key and chain of the newest row, as the rows themselves have it; None without rows."""
    found, seed = None, bytes(16)
    for values, _ in rows(db, table):
        seed = checksum(values, seed)
        found = values[0], seed
    return found


def seal(db, table):
    """Makes the chain of a table right again."""
    seed, key = bytes(16), KEY.get(table, "id")
    for values, _ in list(rows(db, table)):
        seed = checksum(values, seed)
        db.execute(f"UPDATE {table} SET chain = ? WHERE {key} = ?", (seed, values[0]))
        db.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?)", (table, values[0], seed))
