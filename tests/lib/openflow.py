# SPDX-License-Identifier: BSD-3-Clause
"""A bridge as ovs-ofctl and the guests on its ports see it."""

import subprocess

from daemon import wait_for
from ports import config, plug

QUIET_S = 0.1  # a frame that has not come by then does not come


def ofctl(target, command, *arguments, version="OpenFlow13", status=0, stdin=None):
    """Run ovs-ofctl; returns what it printed, or what it complained of when status is not 0."""
    done = subprocess.run(["ovs-ofctl", "-O", version, command, target, *arguments],
                          capture_output=True, text=True, timeout=30, input=stdin)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


class Bridge:
    """br0 with a guest on each of its ports 1 to n; fields: of the bridge in the configuration."""

    def __init__(self, make_switch, n=3, fields="", **guest_options):
        names = [f"p{i}" for i in range(1, n + 1)]
        text = config({name: f"ofport: {i}" for i, name in enumerate(names, 1)})
        if fields:
            text = text.replace("{ name: br0 }", "{ name: br0, " + fields + " }")
        self.switch = make_switch(text)
        self.target = f"unix:{self.switch.run_dir}/br0.mgmt"
        self.guests = {i: plug(self.switch, name, **guest_options)
                       for i, name in enumerate(names, 1)}

    def close(self):
        for guest in self.guests.values():
            guest.close()

    def ofctl(self, command, *arguments, **options):
        return ofctl(self.target, command, *arguments, **options)

    def flows(self, *flows):
        """These flows and no others."""
        self.ofctl("del-flows")
        if flows:
            self.ofctl("add-flows", "-", stdin="\n".join(flows) + "\n")

    def offer(self, port, frames):
        """Send from a guest and wait until the switch has taken all of it."""
        name = f"p{port}"
        before = self.switch.stats(name)["rx_packets"]
        self.guests[port].send_many(frames)
        wait_for(lambda: self.switch.stats(name)["rx_packets"] >= before + len(frames), 10,
                 f"{len(frames)} frames from {name}")

    def send(self, port, data):
        """Send from a guest; returns {port: [frames]} of what all guests receive."""
        self.offer(port, [data])
        return self.received()

    def received(self):
        got = {i: guest.recv_all(QUIET_S) for i, guest in self.guests.items()}
        return {i: frames for i, frames in got.items() if frames}

    def table(self, number):
        return next(t for t in self.switch.json("table", "list") if t["table"] == number)

    def packets(self, flow):
        """How many frames the one flow that is printed with this text has matched."""
        lines = [line for line in self.ofctl("dump-flows").splitlines() if flow in line]
        assert len(lines) == 1, lines
        return int(lines[0].split("n_packets=")[1].split(",")[0])
