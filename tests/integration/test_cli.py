# SPDX-License-Identifier: BSD-3-Clause
"""The command line: help, tables, JSON, exit statuses, completion, man pages."""

import os
import re
import shutil
import subprocess

import pytest

from daemon import BUILD, SHUNT, SHUNTD, SMALL, TOP, Switch

CONFIG = SMALL + """
bridges: [ { name: br0 }, { name: backbone, fail_mode: secure } ]
portgroups:
  - { name: production, bridge: br0, vlan: 100 }
  - { name: a-group-with-quite-a-long-name, bridge: br0, vlan: 10, trunk: "10,20", vlan_mode: native-tagged }
ports:
  - { name: web1, portgroup: production }
  - { name: w, portgroup: production, vlan: 7 }
  - { name: null1, bridge: br0, type: "null", trunk: "1-5" }
  - { name: null2, bridge: backbone, type: "null" }
fdb: [ { bridge: br0, vlan: 100, mac: "02:00:00:00:00:01", port: web1 } ]
mirrors: [ { name: watch, bridge: br0, output_vlan: 999 } ]
"""

READING = [["show"], ["version"], ["config", "show"],
           *([noun, "list"] for noun in ("bridge", "portgroup", "port", "mirror", "fdb", "flow",
                                               "worker")),
           ["bridge", "show", "br0"], ["portgroup", "show", "production"], ["port", "show", "web1"],
           ["mirror", "show", "watch"],
           ["port", "stats"], ["port", "stats", "web1"], ["worker", "stats"]]
TABLES = [argv for argv in READING if argv[-1] in ("list", "stats")]


@pytest.fixture(scope="module")
def switch():
    with Switch(CONFIG) as switch:
        yield switch


def shunt(*argv, **options):
    return subprocess.run([SHUNT, *argv], capture_output=True, text=True, **options)


def verbs():
    """[(noun, verb or None, whether it takes fields)] as --help lists them."""
    found = []
    for line in shunt("--help").stdout.splitlines():
        if re.match(r"^  [a-z]", line):
            words = line[2:44].split()
            verb = words[1] if len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]) else None
            found.append((words[0], None if words[0] == "completion" else verb, "--FIELD" in line))
    return found


VERBS = verbs()
FIELDS = {"bridge": ["fail-mode", "fdb-size", "controllers"], "fdb": ["bridge"],
          "flow": ["bridge"], "trace": ["bridge"], "group": ["bridge"], "meter": ["bridge"], "table": ["bridge"],
          "portgroup": ["bridge", "vlan", "vlan-mode", "mtu"],
          "uplink": ["device"],
          "mirror": ["bridge", "select-src-port", "output-vlan", "snaplen"],
          "vm": [],
          "sriov": ["mac", "vlan", "max-tx-rate"],
          "port": ["portgroup", "type", "socket", "rate-limit-in"]}


def test_help_lists_the_nouns_and_verbs_there_are():
    assert {noun for noun, *_ in VERBS} == {"show", "bridge", "portgroup", "port", "uplink", "mirror", "fdb",
                                            "flow", "group", "meter", "table", "trace", "capture", "worker",
                                            "sriov", "vm", "apply", "config", "log", "completion",
                                            "version"}
    assert {v for n, v, _ in VERBS if n == "sriov"} == {"list", "show", "stats", "plan", "apply",
                                                        "set", "bind", "watch"}
    assert {v for n, v, _ in VERBS if n == "port"} == {"add", "del", "set", "list", "show", "stats"}
    assert {v for n, v, _ in VERBS if n == "uplink"} == {"list", "show", "add", "del",
                                                         "neighbors"}
    assert shunt("help").stdout == shunt("-h").stdout == shunt("--help").stdout


@pytest.mark.parametrize("noun, verb, has_fields", VERBS)
def test_help_of_every_verb_says_how_it_is_used_and_names_its_options(noun, verb, has_fields):
    words = [noun, *([verb] if verb else [])]
    done = shunt(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: shunt [-j] [--run-dir D] {' '.join(words)}")
    if has_fields:
        assert all(f"  --{field} " in done.stdout for field in FIELDS[noun])
    for option in re.findall(r"\[--([a-z-]+)\]", done.stdout.splitlines()[0]):
        assert f"  --{option} " in done.stdout
    assert shunt("help", *words).stdout == done.stdout


@pytest.mark.parametrize("noun", sorted({noun for noun, verb, _ in VERBS if verb}))
def test_help_of_every_noun_lists_its_verbs(noun):
    done = shunt(noun, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for verb in (v for n, v, _ in VERBS if n == noun):
        assert re.search(rf"^  {noun} {verb}\b", done.stdout, re.M)


@pytest.mark.parametrize("argv", TABLES, ids=" ".join)
def test_columns_of_tables_are_aligned(switch, argv):
    """Where the header has a gap between columns every row has one, or ends before it."""
    header, *rows = switch.cli(*argv).rstrip("\n").split("\n")
    assert rows
    names = ["RX PACKETS", "RX BYTES", "RX DROPPED", "TX PACKETS", "TX BYTES", "TX DROPPED",
             "FAIL MODE", "DATAPATH ID", "PORT GROUP", "VLAN MODE", "AGE S", "RX QUEUES",
             "BUSY CYCLES", "IDLE CYCLES"]
    for name in names:
        header = header.replace(name, name.replace(" ", "_"))
    columns = [(m.start(), m.end()) for m in re.finditer(r"\S+", header)]
    for row in rows:
        for word in re.finditer(r"\S+", row):
            # Left-aligned it begins where its header does, right-aligned it ends there.
            assert any(word.start() == start or word.end() == end for start, end in columns), row


def test_the_tree_has_its_columns_below_their_headers(switch):
    header, *rows = switch.cli("show").split("\n\n")[0].split("\n")
    start = header.index("TYPE")
    assert all(row[start - 1] == " " and row[start] != " " for row in rows), rows
    assert [row.split()[0].lstrip("│├└─ ") for row in rows][0] == "br0"


@pytest.mark.parametrize("argv", READING, ids=" ".join)
def test_j_prints_json_on_every_verb_that_reads(switch, argv):
    value = switch.json(*argv)
    is_list = argv[-1] == "list" or "stats" in argv
    assert isinstance(value, list if is_list else dict)
    # Cycles and durations go on.
    assert value and (switch.cli(*argv, "--json") == switch.cli("-j", *argv) or
                      argv[0] in ("worker", "flow"))


def test_field_names_in_json_are_the_configurations(switch):
    assert {"name", "portgroup", "vlan", "link", "socket_path"} <= set(switch.port("web1"))
    assert set(switch.stats("web1")) == {"name", "rx_packets", "rx_bytes", "tx_packets", "tx_bytes",
                                         "rx_dropped", "tx_dropped", "rx_copied", "rx_missed",
                                         "drops"}
    assert set(switch.json("worker", "stats")[0]) == {
        "worker", "cpu", "rx_packets", "tx_packets", "copied", "dropped", "busy_cycles",
        "idle_cycles", "cycles_per_packet"}
    assert set(switch.json("fdb", "list")[0]) == {"bridge", "vlan", "mac", "port", "age_s",
                                                  "static", "place"}


def test_a_plan_is_json_too(switch, tmp_path):
    path = tmp_path / "same.yaml"
    path.write_text(switch.cli("config", "show"))
    assert switch.json("apply", "--dry-run", path) == {"steps": [], "changed": False,
                                                       "warnings": []}


STATUSES = {
    0: [["port", "list"], ["port", "list", "--help"], ["--version"], ["completion", "bash"],
        ["port", "set", "w", "--vlan=8"], ["log", "set", "notice"]],
    1: [["port", "show", "nosuch"], ["port", "del", "nosuch"], ["apply", "/nonexistent/file"],
        ["config", "check", "/nonexistent/file"], ["log", "set", "loud"], ["completion", "fish"]],
    2: [[], ["prot"], ["port"], ["port", "nosuch"], ["port", "show"], ["port", "add"],
        ["port", "add", "x", "--vlan"], ["port", "add", "x", "--nosuch", "1"],
        ["port", "list", "web1"], ["bridge", "add", "x", "--vlan", "1"],
        ["worker", "stats", "--clear=1"], ["port", "set", "w"], ["--nosuch"], ["port", "list", "--run-dir"]],
}


@pytest.mark.parametrize("status, argv", [(s, a) for s in STATUSES for a in STATUSES[s]])
def test_exit_status_is_0_done_1_refused_2_usage(switch, status, argv):
    done = switch.run(*argv)
    assert done.returncode == status, done
    if status:
        assert done.stdout == ""
        assert done.stderr.startswith(("shunt: ", "shuntd: ", "usage: "))
        assert done.stderr.count("\n") == 1 or not argv


def test_a_file_is_checked_for_the_run_folder_that_is_named(switch, tmp_path):
    """Sockets are made there, and their paths have a limit."""
    path = tmp_path / "one.yaml"
    path.write_text("bridges: [ { name: br0 } ]\nports: [ { name: w, bridge: br0 } ]\n")
    for folder, status in (("/tmp/" + "x" * 120, 1), ("/tmp", 0)):
        done = subprocess.run([SHUNT, "--run-dir", folder, "config", "check", path],
                              capture_output=True, text=True)
        assert done.returncode == status, done
        assert ("too long" in done.stderr) == (status == 1)


@pytest.mark.parametrize("argv", [["apply", "--dry-run", "-"], ["config", "check", "-"],
                                  ["sriov", "plan", "-"], ["sriov", "apply", "-"],
                                  ["vm", "create", "web1", "-"]], ids=" ".join)
def test_a_dash_is_standard_input(switch, argv):
    done = switch.run(*argv, stdin="bridges:\n  - name: br0\n    colour: red\n")
    assert done.returncode == 1 and re.search(r"-:[123]: ", done.stderr), done
    if argv[0] == "config":
        assert "unknown field 'colour'" in done.stderr
        done = switch.run(*argv, stdin="bridges: [ { name: br0 } ]\n")
        assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_that_gave_nothing_does_not_remove_everything(switch):
    done = switch.run("apply", "-", stdin="")
    assert (done.returncode, done.stdout) == (1, "") and "is empty" in done.stderr
    assert "- bridge br0" in switch.cli("apply", "--dry-run", "-", stdin="---\n")


def test_a_daemon_does_not_run_from_standard_input(tmp_path):
    """It would read it again, and find nothing, when it is told to."""
    done = subprocess.run([SHUNTD, "-c", "-", "--run-dir", tmp_path], input="bridges: [ { name: br0 } ]\n",
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "-: No such file or directory" in done.stderr


def test_a_word_that_is_nearly_right_is_answered_with_the_right_one(switch):
    assert "'port'" in switch.run("prot").stderr
    assert "'list'" in switch.run("port", "lsit").stderr


@pytest.mark.parametrize("argv, meant", [
    ("vm show web1", "info"), ("vm destroy web1", "kill"), ("vm shutdown web1", "stop"), ("vm add web1", "create"),
    ("port delete web1", "del"), ("port create web1", "add"), ("port info web1", "show"), ("fdb show", "list"),
    ("add-br br0", "bridge add"), ("dump-flows br0", "flow list"), ("undefine web1", "vm del"),
    ("ls", None), ("vm shwo", None), ("help nosuch", None), ("help port nosuch", None), ("--help nosuch", None),
    ("help prot", "port")])
def test_a_word_of_another_tool_is_answered_with_ours_and_a_guess_is_no_trap(argv, meant):
    done = shunt(*argv.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f": did you mean '{meant}'?\n" if meant else "") and done.stderr.count("\n") == 1
    assert meant or ": one of " in done.stderr
    if meant and " " in meant:
        assert shunt("help", *meant.split()).stdout.startswith(f"usage: shunt [-j] [--run-dir D] {meant}")


def test_the_run_folder_is_taken_from_the_option_or_the_environment(switch, tmp_path):
    env = dict(os.environ, SHUNT_RUN_DIR=switch.run_dir)
    assert shunt("bridge", "list", env=env).returncode == 0
    done = shunt("bridge", "list", "--run-dir", tmp_path, env=env)
    assert done.returncode == 1 and str(tmp_path) in done.stderr


def completed(switch, line):
    """What bash offers at the end of a line, by the script and function that users load."""
    words = line.split(" ")
    script = f"""
        PATH={os.path.dirname(SHUNT)}:$PATH
        export SHUNT_RUN_DIR={switch.run_dir}
        source {TOP}/cli/shunt.bash
        complete -p shunt | grep -q -- '-F _shunt shunt' || exit 1
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        _shunt
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


COMPLETED = {
    "shunt ": {"show", "bridge", "portgroup", "port", "uplink", "mirror", "fdb", "flow", "group", "meter",
               "table", "trace", "capture", "worker", "sriov", "vm", "apply", "config", "log",
               "completion", "version", "help"},
    "shunt help po": {"port", "portgroup"},
    "shunt help port s": {"set", "show", "stats"},
    "shunt help show ": set(),
    "shunt po": {"port", "portgroup"},
    "shunt port ": {"add", "del", "set", "list", "show", "stats"},
    "shunt port s": {"set", "show", "stats"},
    "shunt port show ": {"web1", "w", "null1", "null2"},
    "shunt port set w": {"web1", "w"},
    "shunt portgroup set ": {"production", "a-group-with-quite-a-long-name"},
    "shunt bridge del ": {"br0", "backbone"},
    "shunt port add new ": None,  # options, see below
    "shunt port add new --port": {"--portgroup"},
    "shunt port add new --portgroup ": {"production", "a-group-with-quite-a-long-name"},
    "shunt port add new --portgroup p": {"production"},
    "shunt port add new --bridge ": {"br0", "backbone"},
    "shunt port add new --type u": {"uplink"},
    "shunt port set web1 --vlan-mode n": {"native-untagged", "native-tagged"},
    "shunt port set web1 --isolated ": {"true", "false"},
    "shunt port set web1 --mtu 1500 --rate": {"--rate-limit-in", "--rate-limit-out"},
    "shunt fdb flush --port w": {"web1", "w"},
    "shunt fdb list --": {"--bridge"},
    "shunt uplink ": {"list", "show", "add", "del", "neighbors"},
    "shunt uplink add null1 --d": {"--device"},
    "shunt uplink neighbors n": {"null1", "null2"},
    "shunt capture w": {"web1", "w"},
    "shunt capture web1 --dir ": {"in", "out", "both"},
    "shunt capture web1 --write ": set(),  # bash completes the file
    "shunt trace tcp --in-port n": {"null1", "null2"},
    "shunt --": {"--json", "--run-dir", "--help", "--version"},
    "shunt mirror set ": {"watch"},
    "shunt mirror set watch --select-dst-port web1,null": {"web1,null1", "web1,null2"},
    "shunt mirror set watch --output-p": {"--output-port"},
    "shunt worker stats --": {"--clear"},
    "shunt sriov s": {"show", "stats", "set"},
    "shunt sriov stats --": {"--watch"},
    "shunt sriov bind eth0 --d": {"--driver", "--dry-run"},
    "shunt sriov set eth0 --vlan": {"--vlan", "--vlan-proto"},
    "shunt sriov set eth0 --link-state a": {"auto"},
    "shunt sriov apply --f": {"--force"},
    "shunt apply --": {"--dry-run"},
    "shunt apply ": set(),  # bash completes the file
    "shunt -j port show n": {"null1", "null2"},
    "shunt --run-dir ": set(),
    "shunt log set ": {"err", "warn", "notice", "info", "debug"},
    "shunt completion ": {"bash"},
    "shunt nosuch ": set(),
}


@pytest.mark.parametrize("line", COMPLETED)
def test_bash_completes(switch, line):
    offered = completed(switch, line)
    if COMPLETED[line] is None:
        assert {"--portgroup", "--vlan-mode", "--rate-limit-in", "--type"} <= offered
        assert all(word.startswith("--") for word in offered)
    else:
        assert offered == COMPLETED[line]


def test_completion_without_a_switch_offers_words_and_says_nothing(tmp_path):
    stopped = Switch(folder=str(tmp_path))
    assert completed(stopped, "shunt port s") == {"set", "show", "stats"}
    assert completed(stopped, "shunt port show ") == set()


def test_completion_printed_is_completion_installed(switch):
    done = subprocess.run(["bash", "-c", f"PATH={os.path.dirname(SHUNT)}:$PATH; "
                           f"source {TOP}/cli/shunt.bash; complete -p shunt; declare -f _shunt"],
                          capture_output=True, text=True)
    direct = subprocess.run(["bash", "-c", f"source <({SHUNT} completion bash); "
                             "complete -p shunt; declare -f _shunt"],
                            capture_output=True, text=True)
    assert done.stdout == direct.stdout and "complete -o default -F _shunt shunt" in done.stdout


PAGES = {"shunt.1": "help-scdoc", "shuntd.8": "help-scdoc", "shunt-sriov.8": "help-scdoc",
         "shunt-vmm.8": "help-scdoc",
         "shunt.yaml.5": "help-scdoc-fields"}


@pytest.fixture(scope="module")
def man_pages(tmp_path_factory):
    """{name: path of the page}, made as the build makes them."""
    scdoc = shutil.which("scdoc")
    if not scdoc:
        pytest.skip("no scdoc")
    folder = tmp_path_factory.mktemp("man")
    doc = os.path.join(TOP, "doc")
    for name, table in PAGES.items():
        done = subprocess.run([os.path.join(doc, "man-page"), scdoc, SHUNT, table,
                               os.path.join(doc, f"{name}.scd"), folder / name],
                              capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), name
    return {name: folder / name for name in PAGES}


def groff(path, *arguments):
    if not shutil.which("groff"):
        pytest.skip("no groff")
    return subprocess.run(["groff", "-man", "-t", "-Tutf8", "-P-cbou", "-rLL=150n", *arguments, path],
                          capture_output=True, text=True)


@pytest.mark.parametrize("name", PAGES)
def test_man_pages_are_made_and_set_without_a_warning(man_pages, name):
    done = groff(man_pages[name], "-ww")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name.rsplit('.', 1)[0]}({name[-1]})")
    assert "@GENERATED@" not in done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_man_pages_of_the_build_are_these(man_pages, name):
    built = os.path.join(BUILD, "doc", name)
    if not os.path.exists(built):
        pytest.skip("built without man pages")
    with open(built) as a, open(man_pages[name]) as b:
        # All but the line with the date.
        assert [x for x in a if not x.startswith(".TH")] == [x for x in b
                                                             if not x.startswith(".TH")]


def test_shunt_1_has_every_verb_with_its_options(man_pages):
    text = groff(man_pages["shunt.1"]).stdout
    for noun, verb, has_fields in VERBS:
        assert f"shunt {noun}{' ' + verb if verb else ''}" in text
        if has_fields:
            assert all(f"--{field}" in text.replace("\u2010", "-") for field in FIELDS[noun])


def test_shunt_yaml_5_has_every_field_with_its_default(man_pages):
    text = " ".join(groff(man_pages["shunt.yaml.5"]).stdout.split())
    for noun in ("bridge", "portgroup", "port", "mirror"):
        for option in re.findall(r"^  --([a-z-]+) ", shunt(noun, "add", "--help").stdout, re.M):
            assert f"{option.replace('-', '_')}: " in text, option
    assert "Default: the last CPU allowed." in text
    assert "native-untagged" in text.replace("\u2010", "-")
