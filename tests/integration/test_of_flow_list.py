# SPDX-License-Identifier: BSD-3-Clause
"""`shunt flow list`: which flows, in which order, and in parts, while the tables change."""

import json
import os
import socket
import subprocess
import tempfile
import threading

import pytest

from daemon import SHUNT, SMALL, CommandFailed
from openflow import ofctl

N_FLOWS = 25000  # more than the command line prints as one block


def text_of(i):
    return f"priority=100,ip,nw_dst=10.0.{i >> 8}.{i & 255},actions=drop"


@pytest.fixture
def switch(make_switch):
    switch = make_switch(SMALL + "bridges: [ { name: br0 }, { name: br1 } ]\n")
    for bridge in ("br0", "br1"):
        switch.cli("flow", "del", "--bridge", bridge)
    return switch


def fill(switch, bridge, flows):
    ofctl(f"unix:{switch.run_dir}/{bridge}.mgmt", "add-flows", "-", stdin="\n".join(flows) + "\n")


class Api:
    """One connection; what goes through it is JSON-RPC."""

    def __init__(self, run_dir):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(run_dir, "shunt.sock"))
        self.file = self.socket.makefile("rw")

    def answer(self, line):
        self.file.write(line)
        self.file.flush()
        return self.file.readline()

    def flows(self, **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": "flow.list", "params": params}
        answer = json.loads(self.answer(json.dumps(request) + "\n"))
        return answer.get("result", answer.get("error"))

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def api(switch):
    api = Api(switch.run_dir)
    yield api
    api.close()


def test_a_match_says_which_flows(switch):
    fill(switch, "br0", ["table=0,priority=5,tcp,actions=drop",
                         "table=0,priority=6,tcp,tp_dst=80,cookie=0x7,actions=output:3",
                         "table=2,priority=6,udp,actions=output:3"])

    def listed(*match):
        return [(f["table"], f["match"]) for f in switch.json("flow", "list", "--bridge", "br0", *match)]

    assert listed() == [(0, "tcp,tp_dst=80"), (0, "tcp"), (2, "udp")]
    assert listed("tcp") == [(0, "tcp,tp_dst=80"), (0, "tcp")]
    assert listed("table=2") == [(2, "udp")]
    assert listed("out_port=3") == [(0, "tcp,tp_dst=80"), (2, "udp")]
    assert listed("cookie=0x7/-1") == [(0, "tcp,tp_dst=80")]
    with pytest.raises(CommandFailed) as failed:
        switch.cli("flow", "list", "--bridge", "br0", "tcq")
    assert "'tcq' is no field" in failed.value.stderr


def test_a_long_list_is_whole_in_order_and_has_one_heading(switch):
    fill(switch, "br0", [text_of(i) for i in range(N_FLOWS)])
    fill(switch, "br1", ["arp,actions=drop"])
    wanted = [text_of(i).split(",actions")[0].split(",", 1)[1] for i in range(N_FLOWS)] + ["arp"]
    assert [f["match"] for f in switch.json("flow", "list")] == wanted
    lines = switch.cli("flow", "list").splitlines()
    assert len(lines) == 1 + len(wanted)
    assert [line.split()[5] for line in lines[1:]] == wanted
    assert lines[0].split()[0] == "BRIDGE"


def test_nobody_gets_a_long_list_in_one_answer(switch, api):
    fill(switch, "br0", [text_of(i) for i in range(10001)])
    assert "ask for them in parts" in api.flows()["message"]
    assert len(api.flows(limit=10000)) == 10000


@pytest.mark.parametrize("limit", [1, 7, 40, 41, 42, 10000])
def test_parts_make_up_the_whole(switch, api, limit):
    fill(switch, "br0", [f"table={i % 3},priority={i % 5},ip,nw_dst=10.0.0.{i},actions=drop"
                         for i in range(40)])
    fill(switch, "br1", ["arp,actions=drop"])

    def key(flow):
        return [flow[k] for k in ("bridge", "table", "priority", "match")]

    whole, got = api.flows(), []
    while part := api.flows(limit=limit, **({"after": got[-1]} if got else {})):
        assert len(part) == min(limit, 41 - len(got))
        got += part
    assert len(whole) == 41
    assert [key(f) for f in got] == [key(f) for f in whole]


@pytest.mark.parametrize("params, sentence", [
    ({"limit": 0}, "limit: 1 to 10000 is allowed"),
    ({"limit": 10001}, "limit: 1 to 10000 is allowed"),
    ({"limit": "7"}, "limit: 1 to 10000 is allowed"),
    ({"after": "x"}, "after: an object of an earlier answer is expected"),
    ({"after": {"bridge": "br0", "table": 254, "priority": 1, "match": ""}},
     "after: an object of an earlier answer is expected"),
    ({"after": {"bridge": "br0", "table": 0, "priority": 1, "match": "tcq"}}, "'tcq' is no field"),
    ({"after": {"bridge": "br0", "table": 0, "priority": 1, "match": "tcp"}},
     "after: that flow is gone"),
    ({"after": {"bridge": "br7", "table": 0, "priority": 1, "match": ""}},
     "after: its bridge is gone"),
    ({"match": "table=1", "after": {"bridge": "br0", "table": 0, "priority": 3, "match": "arp"}},
     "after: is of another table than is asked for"),
])
def test_what_cannot_be_asked_is_refused(switch, api, params, sentence):
    fill(switch, "br0", ["priority=3,arp,actions=drop"])
    assert sentence in api.flows(**params)["message"]


def serve_once(listener, run_dir, before_each):
    """Stand between one client and shuntd, and see each request before shuntd does."""
    client, _ = listener.accept()
    api = Api(run_dir)
    with client, client.makefile("rw") as lines:
        for line in lines:
            before_each(json.loads(line)["params"])
            lines.write(api.answer(line))
            lines.flush()
    api.close()


def test_flows_that_go_while_the_list_is_written_do_not_end_it(switch):
    """Each time that the list is to go on, the flow behind which it should is deleted first."""
    fill(switch, "br0", [text_of(i) for i in range(3000)])
    deleted = []

    def delete(params):
        after = params.get("after")
        if after and len(deleted) < 5:
            switch.cli("flow", "del", "--bridge", "br0", "--strict",
                       f"priority={after['priority']},{after['match']}")
            deleted.append(after["match"])

    with tempfile.TemporaryDirectory() as folder:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(folder, "shunt.sock"))
            listener.listen()
            server = threading.Thread(target=serve_once, args=(listener, switch.run_dir, delete))
            server.start()
            done = subprocess.run([SHUNT, "--run-dir", folder, "-j", "flow", "list", "--bridge",
                                   "br0"], capture_output=True, text=True, timeout=60, check=True)
            server.join(60)
    got = [f["match"] for f in json.loads(done.stdout)]
    # All were there when they were asked for, and each is told once.
    assert len(deleted) == 5
    assert got == [f"ip,nw_dst=10.0.{i >> 8}.{i & 255}" for i in range(3000)]
