# SPDX-License-Identifier: BSD-3-Clause
"""The errors that everybody makes: one clear line, exit 1, nothing changed."""

import pytest

from daemon import CommandFailed, SMALL, Switch

CONFIG = SMALL + """
bridges: [ { name: br0 } ]
portgroups: [ { name: production, bridge: br0, vlan: 100 } ]
ports: [ { name: web1, portgroup: production } ]
"""

REFUSED = {
    "a name twice": (["port", "add", "web1", "--bridge", "br0"], "web1"),
    "VLAN 4095": (["port", "add", "web2", "--bridge", "br0", "--vlan", "4095"], "4094"),
    "a socket path too long": (["port", "add", "web2", "--bridge", "br0", "--socket",
                                "/tmp/" + "x" * 103], "107"),
    "a missing interface": (["port", "add", "up0", "--bridge", "br0", "--type", "uplink",
                             "--device", "packet:nosuch0"], "no network interface 'nosuch0'"),
    "a missing PCI device": (["port", "add", "up0", "--bridge", "br0", "--type", "uplink",
                              "--device", "pci:0000:ff:1f.7"], "0000:ff:1f.7"),
    "a missing interface for xdp": (["port", "add", "up0", "--bridge", "br0", "--type", "uplink",
                                     "--device", "xdp:nosuch0"], "no network interface 'nosuch0'"),
    "a port group that is not there": (["port", "add", "web2", "--portgroup", "prod"],
                                       "no such port group 'prod'"),
    "a bridge that is not there": (["port", "add", "web2", "--bridge", "br9"], "br9"),
    "neither bridge nor group": (["port", "add", "web2"], "portgroup"),
    "a port that is not there": (["port", "del", "web9"], "web9"),
    "a group that has ports": (["portgroup", "del", "production"], "web1"),
    "a bridge that has ports": (["bridge", "del", "br0"], "br0"),
    "native without a mode": (["port", "add", "web2", "--bridge", "br0", "--vlan", "10", "--trunk",
                               "10,20"], "vlan_mode"),
    "a VLAN list that is none": (["port", "add", "web2", "--bridge", "br0", "--trunk", "10--20"],
                                 "trunk"),
    "an MTU of 9001": (["port", "add", "web2", "--bridge", "br0", "--mtu", "9001"], "9000"),
    "an address that is multicast": (["port", "add", "web2", "--bridge", "br0", "--mac",
                                      "01:00:00:00:00:01"], "mac"),
    "a name with a slash": (["port", "add", "a/b", "--bridge", "br0"], "a/b"),
    "an address that is not known": (["fdb", "del", "--bridge", "br0", "--mac",
                                      "02:00:00:00:00:01"], "02:00:00:00:00:01"),
}


@pytest.fixture(scope="module")
def shared_switch():
    with Switch(CONFIG) as switch:
        yield switch


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_with_one_line_and_changes_nothing(shared_switch, what):
    argv, word = REFUSED[what]
    before = shared_switch.json("show"), shared_switch.cli("config", "show")
    done = shared_switch.run(*argv)
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert done.stderr.startswith("shunt: ") and done.stderr.count("\n") == 1, done.stderr
    assert word in done.stderr
    assert (shared_switch.json("show"), shared_switch.cli("config", "show")) == before


def test_a_cpu_that_does_not_exist_is_refused_and_the_workers_go_on(shared_switch):
    with pytest.raises(CommandFailed, match="CPU 999|999"):
        shared_switch.cli("apply", "-", stdin=CONFIG + "workers: { cpus: [999] }\n")
    assert len(shared_switch.json("worker", "list")) == 1


def test_out_of_huge_pages_says_how_many_are_missing_and_what_to_do(tmp_path):
    switch = Switch("memory: { size: 900G, hugepages: on }\n", folder=str(tmp_path))
    with pytest.raises(AssertionError):
        switch.start()
    assert switch.process.wait(10) == 1
    assert "out of huge pages" in switch.log() and "nr_hugepages" in switch.log()


def test_usage_errors_exit_with_2(shared_switch):
    for argv in (["prot"], ["port", "ad"], ["port", "add"], ["port", "add", "x", "--colour", "red"],
                 ["port", "list", "extra"]):
        done = shared_switch.run(*argv)
        assert done.returncode == 2, argv
        assert done.stderr.count("\n") == 1


def test_a_command_without_shuntd_says_how_to_start_it(tmp_path):
    switch = Switch(folder=str(tmp_path))
    done = switch.run("port", "list")
    assert done.returncode == 1
    assert "not running" in done.stderr


def test_a_port_whose_device_is_missing_at_the_start_does_not_stop_the_others(make_switch):
    up0 = '{ name: up0, bridge: br0, type: uplink, device: "packet:nosuch0" }'
    switch = make_switch(CONFIG.replace("production } ]", f"production }}, {up0} ]"))
    assert "nosuch0" in switch.port("up0")["error"]
    assert switch.port("up0")["link"] == "down"
    assert "error" not in switch.port("web1")
