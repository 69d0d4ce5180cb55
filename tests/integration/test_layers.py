"""Who may include whom: daemon -> firmware-bridge, model, proto; firmware-bridge -> proto; model ->
BLIS and libm; proto -> msgpack-c. Nothing else. Within the daemon and the model arrows go down only, from
a folder to those that its CMake target links. A file and a function have a bound."""
import os
import re
import shutil
import tempfile
import unittest

ROOT = os.environ["MURID_SOURCE_DIR"]
FREESTANDING = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h",
                "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h",
                "string.h"}
POSIX = FREESTANDING | {"arpa/inet.h", "dirent.h", "fcntl.h", "locale.h", "poll.h", "pthread.h", "regex.h",
                        "sched.h", "signal.h", "stdio.h", "strings.h", "sys/epoll.h", "sys/eventfd.h",
                        "sys/file.h", "sys/ioctl.h", "sys/mman.h", "sys/resource.h", "sys/signalfd.h", "sys/stat.h",
                        "sys/timerfd.h", "sys/types.h", "sys/wait.h", "termios.h", "time.h",
                        "unistd.h"}
AVR = {"avr/eeprom.h", "avr/interrupt.h", "avr/io.h", "avr/sleep.h", "util/atomic.h",
       "util/setbaud.h"}
# library: (headers of libraries and of the system, folders of our own)
ALLOWED = {
    "proto": (FREESTANDING | {"stdio.h", "msgpack.h"}, ["proto/include", "proto/src"]),
    # Knows no sockets, files or clocks. immintrin.h is the compiler's: vectors of the processor.
    "model": (FREESTANDING | {"blis.h", "immintrin.h"}, ["model/include", "model/src"]),
    "firmware-bridge": (POSIX | AVR | {"hdf5.h", "libserialport.h", "zip.h", "zlib.h"},
                        ["firmware-bridge/include", "firmware-bridge/src",
                         "firmware-bridge/adapters", "firmware-bridge/firmware", "proto/include"]),
    "daemon": (POSIX | {"sodium.h", "sqlite3.h", "yaml.h", "zmq.h"},
               ["daemon/src", "firmware-bridge/include", "model/include", "proto/include"]),
}
# Headers that one file alone may include; protocol_check.c formats sentences with vsnprintf().
ONE_FILE = {"blis.h": "gemm.c", "mpi.h": "ranks_mpi.c", "stdio.h": "protocol_check.c", "linux/tcp.h": "os_socket.c", "hdf5.h": "hdf5_read.c",
            "sys/socket.h": "os_socket.c", "zip.h": "numpy.c"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(library):
    for folder, _, names in os.walk(os.path.join(ROOT, library)):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".def")):
                yield os.path.join(folder, name)


def folders(root, library):
    """The folders of a library from the bottom up, each with those that it links, as CMakeLists.txt has them."""
    with open(os.path.join(root, library, "CMakeLists.txt")) as f:
        text = f.read()
    found = {}
    for body in re.findall(rf"(?m)^{library}_folder\(((?:[^()]|\n)*)\)", text):
        words = body.split()
        name, keys = words[0], {"LINKS": [], "LIBRARIES": []}
        key = None
        for word in words[1:]:
            if word in keys:
                key = word
            else:
                keys[key].append(word)
        found[name] = keys["LINKS"]
    return found


def below(links, name):
    """All that a folder reaches."""
    reached, wanted = set(), list(links[name])
    while wanted:
        at = wanted.pop()
        if at not in reached:
            reached.add(at)
            wanted += links[at]
    return reached


def wrong_arrows(root, library):
    """Sentences on what stands or points where it may not."""
    links, wrong, seen, home = folders(root, library), [], [], {}
    source = os.path.join(root, library, "src")
    for name, linked in links.items():
        wrong += [f"{library}: {name} links {other}, which is not below it" for other in linked if other not in seen]
        seen.append(name)
        for file in os.listdir(os.path.join(source, name)):
            home[file] = name
    for folder, names, files in os.walk(source):
        wrong += [f"{library}: {n} is a folder without a target" for n in names if n not in links]
        at = os.path.basename(folder)
        for file in files:
            if folder == source:
                wrong += [f"{library}: {file} stands in no folder"] * (file != "main.c")
                continue
            if at not in links:
                continue
            with open(os.path.join(folder, file)) as f:
                for _, header in INCLUDE.findall(f.read()):
                    other = home.get(header, at)
                    if other != at and other not in below(links, at):
                        wrong.append(f"{library}: {at}/{file} includes {header} of {other}")
    return wrong


def nouns(root, library):
    """What each noun, a header with its source, includes of its own library."""
    found = {}
    for folder, _, names in os.walk(os.path.join(root, library)):
        for name in names:
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name)) as f:
                    text = f.read()
                noun, command = name[:-2], os.path.basename(folder) == "cmd" and name.endswith(".c")
                key = f"cmd/{noun}" if command else noun
                found.setdefault(key, set()).update(os.path.basename(h)[:-2] for quote, h in INCLUDE.findall(text)
                                                    if quote == '"' and h.endswith(".h") and is_own(h, library))
    return {noun: {o for o in others if o in found and o != noun} for noun, others in found.items()}


def is_own(header, library):
    """proto/message.h is proto's own; in the daemon it is another's."""
    return "/" not in header or header.split("/")[0] == {"firmware-bridge": "bridge"}.get(library, library)


def circles(includes):
    """Groups of nouns each of which reaches all others of its group."""
    reach = {}
    for noun in includes:
        seen, wanted = set(), list(includes[noun])
        while wanted:
            at = wanted.pop()
            if at not in seen:
                seen.add(at)
                wanted += includes[at]
        reach[noun] = seen
    return sorted({tuple(sorted(o for o in reach[n] if n in reach[o])) for n in includes if n in reach[n]})


class Circles(unittest.TestCase):
    def test_no_files_of_a_library_call_each_other_in_a_circle(self):
        for library in ALLOWED:
            self.assertEqual(circles(nouns(ROOT, library)), [], library)
            self.assertGreater(len(nouns(ROOT, library)), 8)

    def test_a_planted_circle_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            shutil.copytree(os.path.join(ROOT, "daemon"), os.path.join(root, "daemon"))
            with open(os.path.join(root, "daemon", "src", "server", "heartbeat.c"), "a") as f:
                f.write('#include "loop.h"\n')
            found = circles(nouns(root, "daemon"))
            self.assertEqual(len(found), 1)
            self.assertLessEqual({"heartbeat", "loop"}, set(found[0]))


class Folders(unittest.TestCase):
    def test_arrows_between_folders_go_down_only(self):
        for library, n in (("daemon", 10), ("model", 5)):
            self.assertEqual(len(folders(ROOT, library)), n)
            self.assertEqual(wrong_arrows(ROOT, library), [])

    def test_a_planted_arrow_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            shutil.copytree(os.path.join(ROOT, "daemon"), os.path.join(root, "daemon"))
            with open(os.path.join(root, "daemon", "src", "util", "fault.c"), "a") as f:
                f.write('#include "session.h"\n')
            with open(os.path.join(root, "daemon", "src", "stray.c"), "w") as f:
                f.write("int stray;\n")
            self.assertEqual(sorted(wrong_arrows(root, "daemon")),
                             ["daemon: stray.c stands in no folder",
                              "daemon: util/fault.c includes session.h of twin"])


def functions(text):
    """Name and lines of each function of a source, its signature included."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line == "{":
            first = at
            while not re.match(r"[a-z]", lines[first - 1]):
                first -= 1
            name = re.search(r"(\w+)\(", lines[first - 1])
            yield name.group(1) if name else "", lines.index("}", at) - first + 2


class Sizes(unittest.TestCase):
    def test_a_file_has_at_most_600_lines_and_a_function_60(self):
        n = 0
        for library in ALLOWED:
            for path in sources(library):
                with open(path) as f:
                    text = f.read()
                self.assertLessEqual(text.count("\n"), 600, path)
                for name, lines in functions(text) if path.endswith(".c") else ():
                    n += 1
                    self.assertLessEqual(lines, 60, f"{name} of {path}")
        self.assertGreater(n, 2000)

    def test_lines_of_a_function_are_counted(self):
        text = "static int f(int a,\n             int b)\n{\n    return a + b;\n}\n\nvoid g(void)\n{\n}\n"
        self.assertEqual(list(functions(text)), [("f", 5), ("g", 3)])


class Layers(unittest.TestCase):
    def test_every_include_is_allowed(self):
        n = 0
        for library, (system, folders_of) in ALLOWED.items():
            for path in sources(library):
                with open(path) as f:
                    for quote, header in INCLUDE.findall(f.read()):
                        n += 1
                        own = [os.path.dirname(path)]
                        for d in folders_of:
                            own += [os.path.join(ROOT, d)] + [f.path for f in os.scandir(os.path.join(ROOT, d))
                                                              if f.is_dir()]
                        system_too = ONE_FILE.get(header) == os.path.basename(path)
                        ok = (header in system or system_too if quote == "<" else
                              any(os.path.exists(os.path.join(d, header)) for d in own))
                        self.assertTrue(ok, f"{os.path.relpath(path, ROOT)} includes {header}")
        self.assertGreater(n, 300)

    def test_the_device_needs_no_operating_system(self):
        folder = os.path.join(ROOT, "firmware-bridge", "firmware")
        for name in ("device.c", "device.h", "example.c", "example.h", "hal.h"):
            with open(os.path.join(folder, name)) as f:
                for quote, header in INCLUDE.findall(f.read()):
                    self.assertTrue(quote == '"' or header in FREESTANDING,
                                    f"{name} includes {header}")

    def test_gnu_extensions_are_asked_for_in_os_files_only(self):
        n = 0
        for library in ALLOWED:
            for path in sources(library):
                with open(path) as f:
                    if "_GNU_SOURCE" in f.read():
                        n += 1
                        self.assertTrue(os.path.basename(path).startswith("os_"), path)
        self.assertGreater(n, 0)


if __name__ == "__main__":
    unittest.main()
