# SPDX-License-Identifier: BSD-3-Clause
"""An Open vSwitch in a namespace, with a bond that speaks LACP: the switch at the other end of a
team's wires. It forwards by itself, without a kernel module."""

import os
import signal

from ovs_peer import Ovs


class OvsBond(Ovs):
    """br0 in the namespace with bond0 of these interfaces, and more ports."""

    def __init__(self, ns, members, ports, settings=("lacp=active",
                                                     "other_config:lacp-time=fast")):
        self.ns = ns
        super().__init__(members, ports, settings)

    def popen(self, *argv, **options):
        return self.ns.popen(*argv, **options)

    def start(self, members, ports, settings):
        self.run_daemons()
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                 "--", "add-bond", "br0", "bond0", *members, "bond_mode=balance-tcp", *settings]
        for port in ports:
            words += ["--", "add-port", "br0", port]
        self.vsctl(*words)

    def in_use(self):
        """Members of bond0 by which it sends."""
        lines = self.appctl("bond/show", "bond0").splitlines()
        return sorted(line.split()[1].rstrip(":") for line in lines
                      if line.startswith(("member ", "slave ")) and line.endswith("enabled"))

    def pause(self):
        """It says nothing more; its links stay."""
        os.kill(self._pid(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self._pid(), signal.SIGCONT)

    def _pid(self):
        return self.processes[1].pid
