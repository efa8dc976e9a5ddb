# SPDX-License-Identifier: BSD-3-Clause
"""Ways out of the host, a file a part."""

import uplink_host
import uplink_offloads
import uplink_xdp

PARTS = {"uplinkxdp": uplink_xdp.run, "uplinkoffloads": uplink_offloads.run,
         "uplinkhost": uplink_host.run}


def run(*arguments):
    for part in PARTS.values():
        part(*arguments)
