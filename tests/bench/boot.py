# SPDX-License-Identifier: BSD-3-Clause
"""boot.py SIZE PROGRAM [ARGUMENT...]: start a virtual machine monitor whose guest's console is its
stdout, and print, as one line of JSON, how long it took from exec to the guest's word ("ms") and how
much memory the process has then beside the guest's ("kib"). The guest's memory is what is mapped in
pieces of SIZE bytes or in the memfd of that name. Runs inside of the emulated machine of vm.py."""

import json
import os
import select
import subprocess
import sys
import time

WORD = b"--BOOTED--"
LIMIT_S = 120


def kib_beside_the_guest(pid, size):
    """Resident memory of everything that is not the guest's."""
    total, counts = 0, True
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                begin, end = (int(x, 16) for x in words[0].split("-"))
                counts = end - begin != size and "memfd:guest-memory" not in line
            elif words[0] == "Rss:" and counts:
                total += int(words[1])
    return total


def main():
    size, argv = int(sys.argv[1]), sys.argv[2:]
    text = b""
    begin = time.monotonic()
    vmm = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        while WORD not in text:
            left = begin + LIMIT_S - time.monotonic()
            chunk = os.read(vmm.stdout.fileno(), 4096) if select.select(
                [vmm.stdout], [], [], max(left, 0))[0] else b""
            if not chunk:
                print(json.dumps({"failed": text[-500:].decode(errors="replace")}))
                return 1
            text += chunk
        ms = (time.monotonic() - begin) * 1e3
        print(json.dumps({"ms": ms, "kib": kib_beside_the_guest(vmm.pid, size)}))
    finally:
        vmm.kill()
        vmm.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
