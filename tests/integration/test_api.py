# SPDX-License-Identifier: BSD-3-Clause
"""Clients of the API that do not behave."""

import json
import os
import select
import socket

import pytest

pytestmark = pytest.mark.bad_input


def connect(switch):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(os.path.join(switch.run_dir, "shunt.sock"))
    return s


def read_line(s):
    data = b""
    while not data.endswith(b"\n"):
        chunk = s.recv(65536)
        if not chunk:
            break
        data += chunk
    return data


def error_code(line):
    return json.loads(line)["error"]["code"]


def test_half_a_line_holds_up_nobody(switch):
    with connect(switch) as slow:
        slow.sendall(b'{"jsonrpc": "2.0", "id": 1, "met')
        assert switch.json("version")["version"]
        slow.sendall(b'hod": "version"}\n')
        assert json.loads(read_line(slow))["id"] == 1


def test_a_megabyte_without_a_newline_is_answered_once_and_closed(switch):
    with connect(switch) as s:
        try:
            s.sendall(b"x" * (2 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = read_line(s)
            assert not answer or error_code(answer) in (-32700, -32600)
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass
    assert switch.is_alive() and switch.cli("show")


def test_deep_json_is_refused(switch):
    with connect(switch) as s:
        s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"show","params":{"a":' + b"[" * 5000 +
                  b"]" * 5000 + b"}}\n")
        assert error_code(read_line(s)) == -32700
    assert switch.cli("show")


@pytest.mark.parametrize("line", [
    b"\n", b"{}\n", b"[]\n", b"null\n", b"1\n", b'"show"\n', b"\xff\xfe\x00\n", b'{"id": {}}\n',
    b'{"jsonrpc": "1.0", "id": 1, "method": "show"}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": 7}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "show", "params": []}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "no.such"}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "port.add", "params": {"name": 5}}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "port.add", "params": {"name": "a", "bridge": {}}}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "port.add", "params": {"colour": "red"}}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "fdb.add", "params": {"vlan": -1}}\n',
    b'{"jsonrpc": "2.0", "id": 1, "method": "apply", "params": {"text": "\\u0000"}}\n',
])
def test_a_line_that_is_no_request_gets_an_error_and_nothing_else(switch, line):
    before = switch.cli("config", "show")
    with connect(switch) as s:
        s.sendall(line)
        s.shutdown(socket.SHUT_WR)
        answer = read_line(s)
        assert not answer or error_code(answer) < 0
    assert switch.cli("config", "show") == before


def test_a_client_that_never_reads_is_closed_and_costs_the_others_nothing(switch):
    for i in range(40):
        if i == 0:
            switch.cli("bridge", "add", "br0")
        switch.cli("port", "add", f"n{i}", "--bridge", "br0", "--type", "null")
    with connect(switch) as s:
        s.setblocking(False)
        request = b'{"jsonrpc":"2.0","id":1,"method":"show"}\n' * 100
        closed = False
        for _ in range(400):
            if not select.select([], [s], [], 5)[1]:
                break  # it waits for us to read: that is allowed too
            try:
                s.send(request)
            except (BrokenPipeError, ConnectionResetError):
                closed = True
                break
            except BlockingIOError:
                continue
        assert len(switch.json("port", "list")) == 40
        assert closed or switch.is_alive()


def test_many_clients_at_once_are_limited_and_the_next_ones_served_later(switch):
    clients = []
    for _ in range(300):
        try:
            clients.append(connect(switch))
        except OSError:
            break
    for c in clients:
        c.close()
    assert switch.cli("show")


def test_answers_come_in_the_order_of_the_requests(switch):
    with connect(switch) as s:
        s.sendall(b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"version"}\n' % i
                           for i in range(200)))
        with s.makefile() as f:
            assert [json.loads(f.readline())["id"] for _ in range(200)] == list(range(200))
