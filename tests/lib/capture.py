# SPDX-License-Identifier: BSD-3-Clause
"""`shunt capture` in the background, and what tshark finds in its file."""

import json
import signal
import subprocess

from daemon import SHUNT, wait_for

COMES_S = 10


class Capture:
    """`shunt capture`, in the background, into a file."""

    def __init__(self, switch, port, path, *options):
        self.path, self.port, before = str(path), port, self.running(switch)
        self.process = subprocess.Popen(
            [SHUNT, "--run-dir", switch.run_dir, "capture", port, "-w", self.path, *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for(lambda: self.running(switch) > before or self.process.poll(), COMES_S, "the capture")
        assert self.process.poll() is None, self.process.stderr.read()

    @staticmethod
    def running(switch):
        return switch.log().count(": begun")

    def stop(self, how=signal.SIGINT):
        """End it, or wait until it ends; returns what it says."""
        if how:
            self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=COMES_S)
        assert self.process.returncode == 0, errors
        return errors.decode()

    def end(self, how=signal.SIGINT, lost=0, why=""):
        """stop(), and return its frames: [{"frame": bytes, "dir": "in" or "out", "comment": text,
        "len": bytes on the wire, "time": s}]. It says how many it has and lost, and why it ended."""
        said = self.stop(how)
        frames = frames_in(self.path)
        s = "" if len(frames) == 1 else "s"
        assert said == (f"shunt: capture {self.port}: {len(frames)} frame{s} captured, "
                        f"{lost} lost{why}\n")
        return frames


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
                      "comment": comment, "len": int(find(layers, "frame.len")),
                      "time": float(find(layers, "frame.time_epoch"))})
    return found


def find(tree, key):
    """The value of the first such key, however deep."""
    for name, value in tree.items():
        if name == key:
            return value
        if isinstance(value, dict) and (inner := find(value, key)) is not None:
            return inner
    return None
