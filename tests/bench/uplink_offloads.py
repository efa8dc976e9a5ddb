# SPDX-License-Identifier: BSD-3-Clause
"""TCP from one Linux guest to another with the offloads that the switch carries through, beside the
same guests with a NIC that has none. The switch is one and the same: what differs is how many frames
a megabyte is, for the guests as for the switch.

The guests, emulated, bound both figures, so each has a core, and the switch's worker, which sleeps
between frames, shares the sender's: with it busy on a core of its own, two guests on the other, it
was measured how they take turns. Windows are large from the begin, or it is their growth that is.
Nor do the guests do what a NIC has no part in: their programs do not touch the data (stream.c), and
their kernels copy without `rep movs`, which is emulated byte by byte."""

import tempfile

from guest import Guest
from load import CPU, sockets
from process import Failed, on_cpu
from switches import WORKER_CPU, Shunt
from tcp import offloads, run_in

NONE = "csum=off,gso=off,guest_csum=off,mrg_rxbuf=off," + ",".join(
    f"{side}_{what}=off" for side in ("host", "guest") for what in ("tso4", "tso6", "ecn", "ufo"))
PLACES = (WORKER_CPU, CPU)  # of the sender, of the receiver
SECONDS, SETTLE_S = 12, 2
WINDOW = "4096 4194304 16777216"  # bytes: enough for all that is on its way
SERVE = (f"mkfifo /tmp/out; stream serve {SETTLE_S} >/tmp/out 2>&1 & exec 3</tmp/out; "
         "read -r word <&3; [ \"$word\" = listening ]")


def _guest(i, path, folder, nic):
    with on_cpu(PLACES[i - 1]):
        return Guest(f"g{i}", path, f"10.0.0.{i}/24", f"02:00:00:00:00:0{i}", server=True,
                     folder=folder, program="stream", nic=nic, cpu="max,erms=off,fsrm=off")


def _stream(sender, receiver):
    for guest, buffers in ((sender, "tcp_wmem"), (receiver, "tcp_rmem")):
        run_in(guest, f"echo {WINDOW} >/proc/sys/net/ipv4/{buffers}")
    run_in(receiver, SERVE)
    run_in(sender, f"stream send {receiver.address} {SECONDS}", SECONDS + 30)
    words = run_in(receiver, "cat <&3").split()
    if len(words) != 2:
        raise Failed(f"stream: {words}")
    return {"mbps": int(words[0]) * 8 / int(words[1]), "offloads": offloads(sender)}


def _measure(build, parent, nic):
    folder = tempfile.mkdtemp(dir=parent)
    paths = sockets(folder, 2)
    guests = [_guest(i, path, folder, nic) for i, path in enumerate(paths, 1)]
    switch = Shunt(build, poll="adaptive")
    try:
        switch.start(folder, paths)
        try:
            sender, receiver = [guest.ready() for guest in guests]
            result = _stream(sender, receiver)
            frames = sum(p["rx_packets"] for p in switch.ask("port", "stats"))
            return {**result, "frames": frames}
        finally:
            switch.stop()
    finally:
        for guest in guests:
            guest.stop()


def run(report, build, runs, folder):
    print("\nTCP, one stream from a Linux guest to another, with and without offloads")
    names, results = {"with offloads": "", "without": NONE}, {}
    for _ in range(runs):
        for name, nic in names.items():
            results.setdefault(name, []).append(_measure(build, folder, nic))
    rates = []
    for name, mine in results.items():
        print(f"  {name}: {', '.join(mine[0]['offloads'])}")
        rates.append([r["mbps"] for r in mine])
        report.series(f"Shunt, TCP {name}", "Mbit/s", rates[-1])
        report.series(f"Shunt, TCP {name}, both ways", "frames", [r["frames"] for r in mine])
    report.ratio("TCP from guest to guest, offloads against none", *rates, 3.0, True)
