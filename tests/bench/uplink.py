# SPDX-License-Identifier: BSD-3-Clause
"""Ways out of the host, a file a part."""

import uplink_host
import uplink_offloads
import uplink_team
import uplink_xdp

PARTS = (uplink_xdp, uplink_offloads, uplink_host, uplink_team)


def run(*arguments):
    for part in PARTS:
        part.run(*arguments)
    uplink_team.cost(*arguments)
