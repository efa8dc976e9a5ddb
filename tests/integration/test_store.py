# SPDX-License-Identifier: BSD-3-Clause
"""The store: what was acknowledged survives anything, and apply makes the switch equal to a file."""

import json
import os
import random
import socket
import threading

import pytest

from daemon import CommandFailed, SMALL
from openflow import ofctl

CONFIG = SMALL + """
bridges: [ { name: br0 } ]
portgroups:
  - { name: production, bridge: br0, vlan: 100 }
  - { name: development, bridge: br0, vlan: 200 }
ports:
  - { name: web1, portgroup: production }
  - { name: null1, bridge: br0, type: "null", trunk: "10,20-29" }
fdb:
  - { bridge: br0, vlan: 100, mac: "02:00:00:00:00:01", port: web1 }
"""


class Api:
    """One connection to shuntd's socket; quicker than a process a command."""

    def __init__(self, switch):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.path.join(switch.run_dir, "shunt.sock"))
        self.file = self.socket.makefile("rw")

    def call(self, method, **params):
        """The result, or None when shuntd refused."""
        self.file.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                    "params": params}) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("shuntd closed the connection")
            reply = json.loads(line)
            if "id" in reply:
                return reply.get("result")

    def close(self):
        self.file.close()
        self.socket.close()


def test_a_restart_comes_back_to_exactly_what_was(make_switch):
    switch = make_switch(CONFIG)
    switch.cli("port", "add", "web2", "--portgroup", "development", "--mac", "02:00:00:00:00:02")
    switch.cli("portgroup", "set", "production", "--vlan", "101", "--isolated", "true")
    before = switch.cli("config", "show"), switch.json("port", "list")
    assert switch.terminate() == 0
    switch.start()
    assert (switch.cli("config", "show"), switch.json("port", "list")) == before


def random_change(api, model, rng):
    """One random change; the model follows only what was acknowledged."""
    name = f"p{rng.randrange(12)}"
    vlan = rng.randrange(1, 4095)
    if name not in model:
        if api.call("port.add", name=name, bridge="br0", type="null", vlan=vlan) is not None:
            model[name] = vlan
    elif rng.random() < 0.5:
        if api.call("port.set", name=name, vlan=vlan) is not None:
            model[name] = vlan
    elif api.call("port.del", name=name) is not None:
        del model[name]


def test_kill_at_any_moment_of_1000_changes_loses_none_that_was_acknowledged(make_switch):
    switch = make_switch(SMALL + "bridges: [ { name: br0 } ]\n")
    rng = random.Random(7)
    model, done, kills = {}, 0, 0
    while done < 1000:
        api = Api(switch)
        killer = threading.Timer(rng.uniform(0.005, 0.12), switch.process.kill)
        killer.start()
        pending = dict(model)
        try:
            while True:
                pending = dict(model)
                random_change(api, model, rng)
                done += 1
        except (ConnectionError, OSError):
            pass
        killer.join()
        api.close()
        switch.kill()
        kills += 1
        switch.start()
        now = {p["name"]: p["vlan"] for p in switch.json("port", "list")}
        # The change that was under way may have been made or not; all before it were.
        changed = {k for k in {*now, *pending} if now.get(k) != pending.get(k)}
        assert len(changed) <= 1, (now, pending)
        model = now
    assert kills > 5


def test_applying_the_same_file_twice_changes_nothing(make_switch, tmp_path):
    switch = make_switch()
    path = tmp_path / "switch.yaml"
    path.write_text(CONFIG)
    first = switch.cli("apply", path)
    assert "+ bridge br0" in first and "+ port web1" in first
    assert switch.cli("apply", path) == "nothing to change\n"
    assert switch.json("apply", path)["changed"] is False


def test_dry_run_prints_the_plan_and_stops(make_switch):
    switch = make_switch()
    assert "+ port web1" in switch.cli("apply", "-", "--dry-run", stdin=CONFIG)
    assert switch.json("port", "list") == []


def test_apply_changes_adds_and_removes_in_one_go(make_switch):
    switch = make_switch(CONFIG)
    text = CONFIG.replace("vlan: 100 }", "vlan: 101 }", 1).replace("web1", "web9")
    plan = switch.cli("apply", "-", stdin=text)
    assert "- port web1" in plan and "+ port web9" in plan
    assert "~ portgroup production vlan 100 -> 101" in plan
    assert switch.port("web9")["vlan"] == 101


def test_an_apply_that_fails_half_way_is_undone(make_switch):
    switch = make_switch(CONFIG)
    before = switch.cli("config", "show"), switch.json("port", "list")
    bad = CONFIG.replace("web1", "web2") + "\n"
    bad = bad.replace("ports:\n", "ports:\n  - { name: zz, bridge: br0, type: uplink, device: "
                      "\"packet:nosuch0\" }\n")
    with pytest.raises(CommandFailed, match="nosuch0"):
        switch.cli("apply", "-", stdin=bad)
    assert (switch.cli("config", "show"), switch.json("port", "list")) == before


def made_by_controllers(switch, *bridges):
    return [[ofctl(f"unix:{switch.run_dir}/{bridge}.mgmt", *words)
             for words in (("dump-flows", "--no-stats"), ("dump-groups",), ("dump-meters",),
                           ("dump-ports-desc",))] for bridge in bridges]


def test_an_apply_that_fails_gives_back_what_controllers_had_made(make_switch):
    """It removes one bridge, gives another fail mode to the other, and remakes ports of both."""
    text = CONFIG.replace("{ name: br0 }", "{ name: br0 }, { name: br1, controllers: [ 'punix:there' ] }")
    text = text.replace("fdb:", "  - { name: db1, bridge: br1 }\nfdb:")
    switch = make_switch(text)
    for bridge, port in (("br0", "web1"), ("br1", "db1")):
        target = f"unix:{switch.run_dir}/{bridge}.mgmt"
        ofctl(target, "add-group", f"group_id=1,type=ff,bucket=watch_port:{port},output:{port}")
        ofctl(target, "add-meter", "meter=1,kbps,band=type=drop,rate=1000")
        ofctl(target, "add-flow", "priority=9,tcp,actions=meter:1,group:1")
        ofctl(target, "mod-port", port, "no-forward")
    before = made_by_controllers(switch, "br0", "br1")
    assert all("NO_FWD" in ports and "group:1" in flows for flows, _, _, ports in before)
    fails = CONFIG.replace("{ name: br0 }", "{ name: br0, fail_mode: secure }, { name: br2, controllers: [ 'punix:there' ] }")
    fails = fails.replace("portgroup: production }", "portgroup: production, queues: 2 }")
    works = fails.replace("fdb:", "  - { name: db1, bridge: br2 }\nfdb:")
    fails = fails.replace("fdb:", "  - { name: no, bridge: br2, type: uplink, device: 'packet:nosuch' }\nfdb:")
    with pytest.raises(CommandFailed, match="nosuch"):
        switch.cli("apply", "-", stdin=fails)
    assert made_by_controllers(switch, "br0", "br1") == before
    assert "group:1" in ofctl(f"unix:{switch.run_dir}/there", "dump-flows")
    # One that does not fail: what is new begins anew, what stays is as it was.
    switch.cli("apply", "-", stdin=works)
    (flows, groups, meters, ports), (others, *_, new_ports) = made_by_controllers(switch, "br0", "br2")
    assert "group:1" not in flows + others and "bucket" not in groups and "rate" not in meters
    assert "NO_FWD" in ports and "NO_FWD" not in new_ports
    assert ofctl(f"unix:{switch.run_dir}/there", "dump-flows").count("NORMAL") == 1
    assert not os.path.exists(f"{switch.run_dir}/br1.mgmt")


def test_a_read_only_file_is_not_written_and_changes_last_until_the_restart(make_switch):
    switch = make_switch(CONFIG, store=False)
    path = os.path.join(switch.folder, "config.yaml")
    with open(path) as f:
        before = f.read()
    switch.cli("port", "del", "null1")
    with open(path) as f:
        assert f.read() == before
    switch.terminate()
    switch.start()
    assert switch.port("null1")["trunk"] == "10,20-29"


def test_what_config_show_prints_can_be_applied(make_switch):
    switch = make_switch(CONFIG)
    text = switch.cli("config", "show")
    assert switch.cli("apply", "-", stdin=text) == "nothing to change\n"


def test_ofport_is_given_once_and_kept(make_switch):
    switch = make_switch(CONFIG)
    before = {p["name"]: p["ofport"] for p in switch.json("port", "list")}
    switch.cli("port", "add", "more", "--bridge", "br0", "--type", "null")
    switch.terminate()
    switch.start()
    after = {p["name"]: p["ofport"] for p in switch.json("port", "list")}
    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after)


VFS = CONFIG + """
sriov:
  - pf: eth0
    num_vfs: 4
    vfs:
      - { vf: "0", mac: "02:00:00:00:00:05", vlan: 7 }
      - { vf: "1-3", portgroup: development, mac: auto, max_tx_rate: %d }
"""


def test_virtual_functions_are_kept_for_who_carries_them_out(make_switch, tmp_path):
    switch = make_switch(CONFIG)
    path = tmp_path / "vfs.yaml"
    path.write_text(VFS % 1000)
    planned = switch.json("apply", path)["steps"]
    assert [(s["action"], s["noun"], s["name"], s["note"]) for s in planned] == [
        ("add", "sriov", "eth0", "carried out by shunt-sriov --watch")]
    assert planned[0]["fields"]["vfs"][1] == {
        "vf": "1-3", "portgroup": "development", "mac": "auto", "max_tx_rate": 1000}
    assert switch.cli("apply", path) == "nothing to change\n"
    path.write_text(VFS % 2000)
    assert switch.cli("apply", path).startswith("~ sriov eth0 vfs {")
    before = switch.cli("config", "show")
    assert "max_tx_rate: 2000" in before
    assert switch.terminate() == 0
    switch.start()
    assert switch.cli("config", "show") == before
    with pytest.raises(CommandFailed) as failure:
        switch.cli("portgroup", "del", "development")
    assert "port group 'development' is in use by PF 'eth0'" in str(failure.value)
