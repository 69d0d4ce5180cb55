"""Who may include whom: daemon -> firmware-bridge, model, proto; firmware-bridge -> proto; model ->
BLIS and libm; proto -> msgpack-c. Nothing else."""
import os
import re
import unittest

ROOT = os.environ["MURID_SOURCE_DIR"]
FREESTANDING = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h",
                "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h",
                "string.h"}
POSIX = FREESTANDING | {"arpa/inet.h", "dirent.h", "fcntl.h", "locale.h", "poll.h", "pthread.h",
                        "sched.h", "signal.h", "stdio.h", "sys/epoll.h", "sys/eventfd.h",
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
    "firmware-bridge": (POSIX | AVR | {"libserialport.h"},
                        ["firmware-bridge/include", "firmware-bridge/src",
                         "firmware-bridge/firmware", "proto/include"]),
    "daemon": (POSIX | {"sodium.h", "sqlite3.h", "yaml.h", "zmq.h"},
               ["daemon/src", "firmware-bridge/include", "model/include", "proto/include"]),
}
# Headers that one file alone may include; protocol_check.c formats sentences with vsnprintf().
ONE_FILE = {"mpi.h": "ranks_mpi.c", "stdio.h": "protocol_check.c", "linux/tcp.h": "os_socket.c",
            "sys/socket.h": "os_socket.c"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(library):
    for folder, _, names in os.walk(os.path.join(ROOT, library)):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".def")):
                yield os.path.join(folder, name)


class Layers(unittest.TestCase):
    def test_every_include_is_allowed(self):
        n = 0
        for library, (system, folders) in ALLOWED.items():
            for path in sources(library):
                with open(path) as f:
                    for quote, header in INCLUDE.findall(f.read()):
                        n += 1
                        own = [os.path.dirname(path)] + [os.path.join(ROOT, d) for d in folders]
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
