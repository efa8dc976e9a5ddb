# SPDX-License-Identifier: BSD-3-Clause
"""Captures of ports, read by programs that nobody here wrote: tshark and tcpdump."""

import json
import os
import select
import signal
import subprocess

import pytest

from daemon import SHUNT, CommandFailed, wait_for
from openflow import Bridge
from ports import assert_sums_hold, config, learned, plug
from scapy.all import IP, TCP, UDP, Dot1Q, Ether, Raw
from vhost_guest import BROADCAST, frame, mac

A, B, C = mac(0xa), mac(0xb), mac(0xc)
ETHER = {"src": "02:00:00:00:00:0a", "dst": "02:00:00:00:00:0b"}
COMES_S = 10


@pytest.fixture
def switch(make_switch):
    return make_switch(config({"a": "vlan: 10", "b": "vlan: 10", "t": "trunk: all"}))


@pytest.fixture
def guests(switch):
    made = {name: plug(switch, name) for name in ("a", "b", "t")}
    yield made
    for guest in made.values():
        guest.close()


class Capture:
    """`shunt capture`, in the background, into a file."""

    def __init__(self, switch, port, path, *options):
        self.path, self.switch, before = str(path), switch, self.running(switch)
        self.process = subprocess.Popen(
            [SHUNT, "--run-dir", switch.run_dir, "capture", port, "-w", self.path, *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for(lambda: self.running(switch) > before, COMES_S, "the capture")

    @staticmethod
    def running(switch):
        return switch.log().count(": begun")

    def end(self, how=signal.SIGINT):
        """End it and return its frames: [{"frame": hex, "dir": "in" or "out", "comment": text}]."""
        if how:
            self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=COMES_S)
        assert self.process.returncode == 0, errors
        return frames_in(self.path)


def frames_in(path):
    done = subprocess.run(
        ["tshark", "-r", path, "-T", "json", "-x", "-J", "frame pkt_comment"], capture_output=True,
        text=True, check=True)
    found = []
    for packet in json.loads(done.stdout or "[]"):
        layers = packet["_source"]["layers"]
        text = json.dumps(layers)
        raw = layers["frame_raw"]
        flags = int(find(layers, "frame.packet_flags"), 16)
        comment = find(layers, "frame.comment") if "frame.comment" in text else None
        found.append({"frame": bytes.fromhex(raw[0]), "dir": {1: "in", 2: "out"}[flags & 3],
                      "comment": comment, "len": int(find(layers, "frame.len"))})
    return found


def find(tree, key):
    """The value of the first such key, however deep."""
    for name, value in tree.items():
        if name == key:
            return value
        if isinstance(value, dict) and (inner := find(value, key)) is not None:
            return inner
    return None


def test_both_directions_are_captured_as_they_are_on_the_port(switch, guests, tmp_path):
    guests["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)
    with_tag = Capture(switch, "t", tmp_path / "t.pcapng")
    at_a = Capture(switch, "a", tmp_path / "a.pcapng")
    sent = bytes(Ether(**ETHER) / IP() / UDP(dport=7) / Raw(b"x" * 60))
    flood = frame(BROADCAST, A, length=1514)
    guests["a"].send_many([sent, flood])
    assert guests["b"].recv_only(sent) and guests["b"].recv_only(flood)
    answer = frame(A, B)
    learned(switch, "a", A)
    guests["b"].send(answer)
    assert guests["a"].recv_only(answer)
    assert guests["t"].recv_only(flood[:12] + b"\x81\0\0\x0a" + flood[12:])
    assert [(f["frame"], f["dir"]) for f in at_a.end()] == [
        (sent, "in"), (flood, "in"), (answer, "out")]
    assert [(f["frame"], f["dir"]) for f in with_tag.end()] == [
        (flood[:12] + b"\x81\0\0\x0a" + flood[12:], "out")]
    assert_sums_hold(switch)


def test_a_frame_that_goes_nowhere_has_its_reason_as_a_comment(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    tagged = bytes(Ether(**ETHER) / Dot1Q(vlan=99) / Raw(b"y" * 60))
    guests["a"].send_many([tagged, frame(BROADCAST, A)])
    assert guests["b"].recv_only(frame(BROADCAST, A))
    refused, flooded = capture.end()
    assert refused["comment"].startswith("dropped: vlan_ingress (VLAN not allowed")
    assert flooded["comment"] is None


def test_what_a_full_queue_refuses_is_captured_where_it_would_have_gone(switch, guests, tmp_path):
    guests["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)
    capture = Capture(switch, "b", tmp_path / "b.pcapng", "--dir", "out", "--snaplen", "64")
    guests["a"].recv_all()
    n = 0
    while "tx_full" not in switch.stats("b")["drops"]:  # b takes nothing out of its ring
        guests["a"].send_many([frame(B, A)] * 32)
        n += 32
        wait_for(lambda: switch.stats("a")["rx_packets"] >= n, COMES_S, "the frames")
        assert n < 5000
    seen = capture.end()
    assert len(seen) == n and {f["dir"] for f in seen} == {"out"}
    lost = [f for f in seen if f["comment"]]
    assert len(lost) == switch.stats("b")["drops"]["tx_full"]
    assert all("tx_full" in f["comment"] for f in lost)


def test_flows_drop_with_a_reason_and_change_what_leaves(make_switch, tmp_path):
    bridge = Bridge(make_switch)
    bridge.flows("in_port=1,udp,actions=mod_dl_dst:02:00:00:00:00:77,output:2",
                 "in_port=1,tcp,actions=drop")
    inside = Capture(bridge.switch, "p1", tmp_path / "in.pcapng")
    outside = Capture(bridge.switch, "p2", tmp_path / "out.pcapng")
    udp = bytes(Ether(**ETHER) / IP() / UDP() / Raw(b"z" * 40))
    tcp = bytes(Ether(**ETHER) / IP() / TCP() / Raw(b"z" * 40))
    nothing = frame(B, A)
    bridge.offer(1, [udp, tcp, nothing])
    changed = b"\x02\0\0\0\0\x77" + udp[6:]
    assert bridge.guests[2].recv_only(changed)
    assert [(f["frame"], (f["comment"] or "").split(" (")[0]) for f in inside.end()] == [
        (udp, ""), (tcp, "dropped: flow_drop"), (nothing, "dropped: no_flow")]
    assert [f["frame"] for f in outside.end()] == [changed]
    bridge.close()


def test_a_filter_and_a_direction_choose_and_snaplen_cuts(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng", "--filter", "udp port 53", "--dir=in",
                      "--snaplen", "60")
    asked = bytes(Ether(**ETHER) / IP() / UDP(sport=9, dport=53) / Raw(b"q" * 400))
    other = bytes(Ether(**ETHER) / IP() / UDP(sport=9, dport=54) / Raw(b"q" * 400))
    guests["a"].send_many([other, asked, other])
    guests["b"].send(asked)
    assert guests["a"].recv_only(asked)
    (seen,) = capture.end()
    assert (seen["frame"], seen["len"], seen["dir"]) == (asked[:60], len(asked), "in")


def test_a_count_ends_it(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng", "-c", "3")
    guests["a"].send_many([frame(BROADCAST, A)] * 5)
    assert len(capture.end(how=None)) == 3


def test_it_ends_with_its_port_and_tells_what_it_has(switch, guests, tmp_path):
    capture = Capture(switch, "a", tmp_path / "a.pcapng")
    guests["a"].send(frame(BROADCAST, A))
    assert guests["b"].recv_only(frame(BROADCAST, A))
    switch.cli("port", "del", "a")
    assert [f["frame"] for f in capture.end(how=None)] == [frame(BROADCAST, A)]


def test_a_pipe_into_tcpdump_shows_frames_as_they_come(switch, guests):
    line = (f"exec {SHUNT} --run-dir {switch.run_dir} capture a -w - | "
            "tcpdump -lnnr - 2>/dev/null")
    with subprocess.Popen(["bash", "-c", line], stdout=subprocess.PIPE,
                          start_new_session=True) as shell:
        wait_for(lambda: Capture.running(switch), COMES_S, "the capture")
        guests["a"].send(bytes(Ether(**ETHER) / IP(dst="10.1.2.3") / UDP(dport=7) / Raw(b"x" * 60)))
        assert select.select([shell.stdout], [], [], COMES_S)[0]
        assert b"10.1.2.3.7: " in shell.stdout.readline()
        os.killpg(shell.pid, signal.SIGTERM)
        assert shell.stdout.read().strip() == b""  # no other frame; tcpdump may end its line


def test_a_reader_that_stops_reading_loses_frames_and_they_are_counted(switch, guests, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    keep = os.open(path, os.O_RDWR)  # the writer blocks when it is full; nobody reads yet
    capture = Capture(switch, "a", path)
    burst, n = [frame(BROADCAST, A, length=1514)] * 200, 0
    while n * 1500 < 32 << 20:  # more than rings and buffers hold together
        guests["a"].send_many(burst)
        n += len(burst)
        wait_for(lambda: switch.stats("a")["rx_packets"] >= n, COMES_S, "the frames")
    copy = tmp_path / "copy.pcapng"
    with open(copy, "wb") as out:
        reader = subprocess.Popen(["cat", path], stdout=out)
        wait_for(lambda: out.tell() >= 0 and os.path.getsize(copy) > 0, COMES_S, "a reader")
        capture.process.send_signal(signal.SIGINT)
        assert capture.process.wait(COMES_S) == 0
        os.close(keep)
        assert reader.wait(COMES_S) == 0
    seen = subprocess.run(["tcpdump", "-nr", copy], capture_output=True, text=True, check=True)
    got = len(seen.stdout.splitlines())
    assert 0 < got < n
    assert_sums_hold(switch)


@pytest.mark.parametrize("words, sentence", [
    (["nobody", "-w", "/dev/null"], "no such port 'nobody'"),
    (["a", "-w", "/dev/null", "--filter", "foo bar"], "filter 'foo bar': "),
    (["a", "-w", "/dev/null", "--dir", "up"], "dir: 'up' is not allowed: in, out or both"),
    (["a", "-w", "/dev/null", "--snaplen", "3"], "snaplen: '3' is not allowed: a number from 14"),
    (["a", "-w", "/nonexistent/x"], "/nonexistent/x: No such file or directory"),
])
def test_what_cannot_be_captured_is_one_line(switch, words, sentence):
    with pytest.raises(CommandFailed) as failed:
        switch.cli("capture", *words)
    assert sentence in failed.value.stderr and failed.value.stderr.count("\n") <= 1


def test_captures_beyond_the_most_are_refused_and_ended_ones_leave_nothing(switch, tmp_path):
    many = [Capture(switch, "a", tmp_path / f"{i}") for i in range(16)]
    with pytest.raises(CommandFailed) as failed:
        switch.cli("capture", "a", "-w", "/dev/null")
    assert "16 captures run already" in failed.value.stderr
    assert all(c.end() == [] for c in many)
    assert [f for f in os.listdir(switch.run_dir) if f.startswith("capture")] == []
    assert Capture(switch, "a", tmp_path / "again").end() == []


def test_the_path_of_frames_outlives_captures_that_come_and_go(switch, guests, tmp_path):
    guests["b"].send(frame(BROADCAST, B))
    learned(switch, "b", B)
    n = 0
    for i in range(20):
        capture = Capture(switch, "b" if i % 2 else "a", tmp_path / f"{i}")
        guests["a"].send_many([frame(B, A, payload=bytes([i]))] * 10)
        n += 10
        assert all(guests["b"].recv(COMES_S) for _ in range(10))
        assert len(capture.end()) == 10
    assert switch.stats("b")["tx_packets"] >= n
    assert_sums_hold(switch)
