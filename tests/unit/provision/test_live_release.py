"""A release that is live before provisioning answers after each change, or the changes are taken back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from fresh_host import ready, wanted
from l9.drivers.caddy.flag_file import CaddyFile
from l9.drivers.http.client import HttpClient
from l9.provision import changes as ch
from l9.provision import session
from l9.provision.errors import ChangeRefused, ChangeUndone, HalfProvisioned, LiveReleaseLost, failed
from l9.provision.host import apply as host_apply
from l9.provision.host import route
from l9.provision.host.talk import parse_message
from l9.provision.needs import needs
from l9.provision.snapshot import Live

ME: dict[str, Any] = {"owner": "", "group": ""}
LIVE = ("blue", "v1.0.0-l9", 200)
NO_UPSTREAM = ("blue", "v1.0.0-l9", 502)


class Site:
    """Stands for Caddy: what it answers is asked of `answer`, with the name that the request was sent to."""

    def __init__(self) -> None:
        self.answer: Callable[[str], tuple[str, str, int]] = lambda _host: LIVE
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slot, release, status = site.answer(self.headers["Host"])
                self.send_response(status)
                self.send_header("X-L9-Slot", slot)
                if release and self.headers["X-L9-Probe"]:
                    self.send_header("X-L9-Release", release)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def asked(self, name: str = "shop.test") -> route.Question:
        return route.question(self.url, f"http://{name}", "/health", 1)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("PATIENCE", "CERTIFICATE", "ELSEWHERE"):
        monkeypatch.setattr(route, name, 0.0)
    with Site() as found:
        yield found


class Applied:
    """Applies changes as the program on the host does; `said` are its messages."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.site, self._capsys = site, capsys

    def __call__(self, *changes: ch.Change, **more: Any) -> list[dict[str, Any]]:
        data = {
            "changes": [{**msgspec.to_builtins(one), "index": n} for n, one in enumerate(changes)],
            "lock": "/nonexistent", "settings": [], "wanted": self.site.asked(), "moves_at": len(changes), **more,
        }  # fmt: skip
        host_apply.apply(data)
        return [m for m in map(parse_message, self._capsys.readouterr().out.splitlines()) if m]


@pytest.fixture
def applied(site: Site, capsys: pytest.CaptureFixture[str]) -> Applied:
    return Applied(site, capsys)


def listing(top: Path) -> list[tuple[object, ...]]:
    """All that is below a folder, with modes and content."""
    return [
        (str(p), p.lstat().st_mode, os.readlink(p) if p.is_symlink() else p.is_file() and p.read_bytes())
        for p in sorted([top, *top.rglob("*")])
    ]


def _clone_of(top: Path) -> None:
    for command in (("init", "--quiet"), ("remote", "add", "origin", "https://old.test/x.git")):
        subprocess.run(("git", "-C", str(top), *command), check=True)


CHANGES: dict[str, Callable[[Path], ch.Change]] = {
    "directory": lambda top: ch.MakeDirectory(path=str(top / "new"), mode=0o755, **ME),
    "directory's mode": lambda top: ch.MakeDirectory(path=str(top / "old"), mode=0o711, **ME),
    "file": lambda top: ch.WriteFile(path=str(top / "file"), text="1", mode=0o644, **ME),
    "lines": lambda top: ch.AddLines(path=str(top / "lines"), lines=("a", "b")),
    "more lines": lambda top: ch.AddLines(path=str(top / "known"), lines=("b",)),
    "origin": lambda top: ch.SetOrigin(
        path=str(top), url="https://new.test/x.git", old="https://old.test/x.git"
    ),
    "link": lambda top: ch.SwitchAgent(directory=str(top / "old"), digest="b" * 16, old="a" * 16),
    "first link": lambda top: ch.SwitchAgent(directory=str(top / "empty"), digest="b" * 16, old=None),
    "log": lambda top: ch.MakeLog(path=str(top / "new.log"), mode=0o640, **ME),
    "log's mode": lambda top: ch.MakeLog(path=str(top / "known"), mode=0o640, **ME),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_after_which_it_does_not_answer_is_taken_back(
    tmp_path: Path, site: Site, applied: Applied, name: str
) -> None:
    (tmp_path / "old").mkdir(mode=0o700)
    (tmp_path / "empty").mkdir()
    (tmp_path / "old" / "bin").symlink_to(f"{'a' * 16}/bin")
    (tmp_path / "known").write_text("a\n", encoding="utf-8")
    _clone_of(tmp_path)
    before = listing(tmp_path)
    site.answer = lambda _host: LIVE if listing(tmp_path) == before else NO_UPSTREAM
    (said,) = applied(CHANGES[name](tmp_path))
    assert (said["type"], said["lost"], said["undone"]) == ("failed", True, True)
    assert said["expected"] == "status 200 from blue with v1.0.0-l9"
    assert said["found"].startswith("status 502 from blue with v1.0.0-l9, at http://127.0.0.1:")
    assert listing(tmp_path) == before


def test_every_change_says_how_it_is_taken_back_or_why_it_stays() -> None:
    tested = {type(make(Path("/x"))) for make in CHANGES.values()}
    on_hosts = {ch.CaddySite, ch.JoinGroup, ch.StartTimers}
    assert {kind for kind in ch.Change.__subclasses__() if kind.UNDO} == tested | on_hosts
    for kind in ch.Change.__subclasses__():
        assert (
            kind.UNDO
            or "stay" in str(kind.__doc__)
            or "nused" in str(kind.__doc__)
            or "beside" in str(kind.__doc__)
        )


def test_what_was_made_before_it_in_the_run_is_taken_back_as_well(
    tmp_path: Path, site: Site, applied: Applied
) -> None:
    def answer(_host: str) -> tuple[str, str, int]:
        return ("blue", "v0.9.0-l9", 200) if (tmp_path / "b").exists() else LIVE

    site.answer = answer
    said = applied(
        *(ch.WriteFile(path=str(tmp_path / name), text=name, mode=0o644, **ME) for name in ("a", "b", "c"))
    )
    assert [(one["type"], one["index"]) for one in said] == [("done", 0), ("failed", 1)]
    assert "with v0.9.0-l9" in said[1]["found"]
    assert os.listdir(tmp_path) == []


def test_a_change_that_fails_while_a_release_is_live_takes_all_back(tmp_path: Path, applied: Applied) -> None:
    (tmp_path / "file").touch()
    made = ch.WriteFile(path=str(tmp_path / "a"), text="a", mode=0o644, **ME)
    said = applied(made, ch.MakeDirectory(path=str(tmp_path / "file" / "x"), mode=0o755, **ME))
    assert ("lost" in said[1], said[1]["undone"]) == (False, True)
    assert os.listdir(tmp_path) == ["file"]


def test_what_does_not_help_is_told(tmp_path: Path, site: Site, applied: Applied) -> None:
    asked: list[str] = []

    def answer(host: str) -> tuple[str, str, int]:
        asked.append(host)
        return LIVE if len(asked) == 1 else ("", "", 404)  # it died meanwhile

    site.answer = answer
    (said,) = applied(ch.WriteFile(path=str(tmp_path / "a"), text="a", mode=0o644, **ME))
    assert (said["undone"], said["still"].split(",")[0]) == (False, "status 404 from no slot with no release")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("nothing", [NO_UPSTREAM, ("", "", 200), ("blue", "", 200)])
def test_nothing_is_asked_where_nothing_is_live(
    tmp_path: Path, site: Site, applied: Applied, nothing: tuple[str, str, int]
) -> None:
    site.answer = lambda _host: nothing
    (said,) = applied(ch.WriteFile(path=str(tmp_path / "a"), text="a", mode=0o644, **ME))
    assert said["type"] == "done"


@pytest.mark.parametrize(("before", "after", "fine"), [(503, 503, True), (200, 404, True), (200, 503, False)])
def test_a_sick_release_may_stay_sick(
    tmp_path: Path, site: Site, applied: Applied, before: int, after: int, fine: bool
) -> None:
    site.answer = lambda _host: ("green", "v1", after if (tmp_path / "a").exists() else before)
    (said,) = applied(ch.WriteFile(path=str(tmp_path / "a"), text="a", mode=0o644, **ME))
    assert (said["type"] == "done") is fine


def test_a_domain_that_moves_is_asked_for_by_its_old_name_until_then(
    tmp_path: Path, site: Site, applied: Applied
) -> None:
    settings, config = tmp_path / "settings.json", tmp_path / "site"
    old = {"public_url": "http://old.test", "route": {"url": site.url}}
    settings.write_bytes(msgspec.json.encode(old))

    def answer(host: str) -> tuple[str, str, int]:
        return LIVE if host == ("shop.test" if config.exists() else "old.test") else ("", "", 200)

    site.answer = answer
    changes = [
        ch.WriteFile(path=str(tmp_path / name), text=name, mode=0o644, **ME)
        for name in ("first", "site", "last")
    ]
    asked = {"settings": [str(tmp_path / "none"), str(settings)]}
    assert [one["type"] for one in applied(*changes, **asked, moves_at=1)] == ["done"] * 3
    for name in ("first", "site", "last"):
        (tmp_path / name).unlink()
    said = applied(*changes, **asked, moves_at=2)  # the site moved too early
    assert [one["type"] for one in said] == ["done", "failed"]
    assert "for old.test" in said[1]["found"]


def test_it_is_asked_as_the_router_of_the_host_asks(tmp_path: Path, site: Site) -> None:
    config = wanted(target=f'public_url = "http://shop.test"\n[route]\nurl = "{site.url}"').config
    router = CaddyFile(wanted().layout, config, HttpClient(), tmp_path / "access.log", {"Host": "shop.test"})
    said = router.answering()
    answer = route.ask(route.question(site.url, "http://shop.test", config.health.path, 1))
    assert answer == {"slot": said.slot, "release": said.release, "status": said.status, "found": said.found}
    assert route.ask(route.question("http://127.0.0.1:1", "", "/", 1))["status"] is None


@pytest.mark.parametrize(
    ("url", "name", "status", "seconds"),
    [
        ("http://x", "shop.test", 502, 3.0),
        ("http://x", "shop.test", None, 3.0),
        ("https://x", "shop.test", None, 3.0),
        ("https://x", "new.test", None, 30.0),
        ("https://x", "new.test", 200, 1.0),
        ("http://x", "shop.test", 404, 1.0),
    ],
)
def test_it_is_given_as_long_as_it_may_take(
    monkeypatch: pytest.MonkeyPatch, url: str, name: str, status: int | None, seconds: float
) -> None:
    clock = [100.0]
    monkeypatch.setattr(route.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(route.time, "sleep", lambda pause: clock.__setitem__(0, clock[0] + pause))
    monkeypatch.setattr(
        route, "ask", lambda _: {"slot": "", "release": "", "status": status, "found": "another"}
    )
    asked = route.question(url, f"https://{name}", "/health", 1)
    before = {"slot": "blue", "release": "v1", "status": 200, "question": {"host": "shop.test"}}
    assert route.wrong(before, asked) == f"another, at {url}/health for {name}"
    assert clock[0] - 100 == pytest.approx(seconds, abs=0.11)


# ── what the operator is told ────────────────────────────────────────────────────────────────────

WRITE = ch.WriteFile(path="/etc/x", text="", mode=0o644, **ME)
GIVEN: dict[str, Any] = {"index": 1, "message": "no", "found": "so", "log": ["line"]}
BACK: dict[str, Any] = {"undone": True, "expected": "v1", "still": None}


@pytest.mark.parametrize(
    ("failure", "done", "kind", "code", "remedy"),
    [
        ({}, [], ChangeRefused, 3, "ssh vps 'ls -la /opt/l9'"),
        ({}, [0], HalfProvisioned, 5, "ssh vps 'ls -la /opt/l9'"),
        (BACK, [], ChangeRefused, 3, "ssh vps 'ls -la /opt/l9'"),
        (BACK, [0], ChangeUndone, 4, "ssh vps 'ls -la /opt/l9'"),
        ({**BACK, "lost": True}, [], ChangeUndone, 4, "$EDITOR l9.toml"),
        ({**BACK, "undone": False, "still": "none"}, [0], LiveReleaseLost, 5, "l9 status"),
        ({"full": True}, [], ChangeRefused, 3, "ssh vps 'df -h /opt/l9'"),
        ({"busy": True}, [], ChangeRefused, 3, "l9 status"),
        ({"shut": True}, [], ChangeRefused, 3, "ssh vps 'sudo chown \"$(id -u)\" /opt/l9/.l9/lock'"),
    ],
)
def test_how_it_ended_is_told_by_the_exit_code(
    failure: dict[str, Any], done: list[int], kind: type, code: int, remedy: str
) -> None:
    error = failed(wanted(), (WRITE, WRITE), {**GIVEN, **failure}, done)
    assert (type(error), error.exit_code, error.remedy) == (kind, code, remedy)
    assert error.expected
    assert error.found


def test_it_moves_with_the_last_of_settings_and_site() -> None:
    want = wanted()
    settings = msgspec.structs.replace(WRITE, path=want.settings)
    assert session._moves_at(want, (WRITE, settings, WRITE)) == 1
    assert session._moves_at(want, (WRITE, WRITE)) == 2


def test_ports_stay_while_a_release_is_live() -> None:
    old, new = wanted(), wanted(target="ports = { blue = 9000, green = 8001 }")
    live = Live(slot="blue", release="v1.0.0-l9")
    (need,) = needs(new, ready(old, live=live), None)
    assert need.stops
    assert need.expected == "ports = { blue = 8000, green = 8001 } in targets.production, as on the host"
    assert [one for one in needs(new, ready(old), None) if one.stops] == []
    assert needs(old, ready(old, live=live), None) == ()
