# SPDX-License-Identifier: BSD-3-Clause
"""Short words for tests that plug Python guests into a switch."""

from daemon import SMALL, wait_for
from vhost_guest import VhostGuest

HEAD = SMALL + "bridges: [ { name: br0 } ]\n"


def config(ports, groups=(), head=HEAD):
    """YAML: ports and groups as {name: "fields"}; a port is on br0 unless it names a group."""
    lines = [head]
    if groups:
        lines.append("portgroups:")
        lines += [f"  - {{ name: {n}, bridge: br0, {f} }}" for n, f in dict(groups).items()]
    lines.append("ports:")
    for name, fields in ports.items():
        place = "" if "portgroup" in fields else "bridge: br0"
        lines.append(f"  - {{ name: {name}, " + ", ".join(filter(None, (place, fields))) + " }")
    return "\n".join(lines) + "\n"


def link_is(switch, name, state="up", seconds=10):
    wait_for(lambda: switch.port(name)["link"] == state, seconds, f"link {state} on {name}")


def plug(switch, name, **options):
    """A guest on the port, when its link is up."""
    guest = VhostGuest(switch.socket(name), **options)
    link_is(switch, name)
    return guest


def learned(switch, name, address):
    """Wait until the address is known on the port."""
    text = ":".join(f"{b:02x}" for b in address)
    wait_for(lambda: any(e["mac"] == text and e["port"] == name
                         for e in switch.json("fdb", "list")), 5, f"{text} on {name}")


def assert_sums_hold(switch):
    """Received and copied frames are those sent and dropped, to the last one. Frames from and to
    controllers are counted on the bridge."""
    ports = switch.json("port", "stats")
    bridges = switch.json("bridge", "list")
    assert all(p["rx_dropped"] + p["tx_dropped"] == sum(p["drops"].values()) for p in ports)
    came = sum(p["rx_packets"] + p["rx_copied"] for p in ports)
    went = sum(p["tx_packets"] + p["rx_dropped"] + p["tx_dropped"] for p in ports)
    came += sum(b["packet_outs"] + b["controller_copied"] for b in bridges)
    went += sum(b["packet_ins"] + sum(b["controller_drops"].values()) for b in bridges)
    assert came == went, (ports, bridges)
    for w in switch.json("worker", "stats"):
        assert w["rx_packets"] + w["copied"] == w["tx_packets"] + w["dropped"], w
