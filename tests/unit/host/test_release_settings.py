"""The settings that a release brings: read once from its tag, for one target, and kept with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from l9.checks.environment.schema import Rule
from l9.config.layout import Layout
from l9.config.settings import ServerSettings
from l9.core.facts import TagFile
from l9.errors import ActionError
from l9.host.release_settings import ReleaseSettingsStore, read_settings

TAG = "v1.0.0-l9"
BLOB = "b" * 40
SERVER = ServerSettings(app="shop", name="production", instance="shop", path="/opt/shop")
SHARED = """\
app = "shop"
[health]
path = "/up"
soak = 7
[targets.staging]
host = "h"
[targets.staging.health]
soak = 1
"""
OWN = f"""{SHARED}
[targets.production]
host = "h"
ports = {{ blue = 1, green = 2 }}
[targets.production.health]
soak = 3
"""


class Files:
    """A clone that has these files in its one tag."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def file(self, _tag: str, path: str) -> TagFile | None:
        text = self.files.get(path)
        return None if text is None else TagFile(BLOB, text)


@pytest.mark.parametrize(("text", "soak"), [(OWN, 3), (SHARED, 7)], ids=["its own target", "shared sections"])
def test_a_target_gets_its_own_sections_or_the_shared_ones(text: str, soak: float) -> None:
    kept = read_settings(Files({"l9.toml": text}), SERVER, TAG, BLOB)
    assert (kept.settings.health.path, kept.settings.health.soak) == ("/up", soak)
    assert (kept.tag, kept.blob) == (TAG, BLOB)


def test_the_file_is_where_the_servers_settings_say() -> None:
    inside = Files({"deploy/l9.toml": SHARED, "l9.toml": SHARED.replace("7", "99")})
    kept = read_settings(inside, replace(SERVER, config_file="deploy/l9.toml"), TAG, "")
    assert kept.settings.health.soak == 7


@pytest.mark.parametrize(
    ("files", "blob", "message", "found"),
    [
        ({}, BLOB, f"{TAG} has no l9.toml", "no such file"),
        (
            {"l9.toml": OWN},
            "c" * 40,
            f"l9.toml of {TAG} differs from the one that was judged",
            "blob bbbbbbbbbbbb",
        ),
        ({"l9.toml": "app = "}, BLOB, f"l9.toml is not TOML, in {TAG}", "Invalid value"),
        ({"l9.toml": f"{OWN}[helth]\n"}, BLOB, f"unknown key 'helth' in l9.toml, in {TAG}", "'helth'"),
        ({"l9.toml": f'{OWN}[env]\nfile = "../x"\n'}, BLOB, "is malformed", "env.file"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    files: dict[str, str], blob: str, message: str, found: str
) -> None:
    with pytest.raises(ActionError) as caught:
        read_settings(Files(files), SERVER, TAG, blob)
    assert message in caught.value.message
    assert found in caught.value.found
    assert caught.value.remedy


def test_the_copy_counts_and_not_the_tag(tmp_path: Path) -> None:
    clone = Files({"l9.toml": OWN, ".env.example": "# type: port\nPORT=1\n"})
    store = ReleaseSettingsStore(Layout(tmp_path), clone, SERVER)
    assert store.of(TAG) is None
    assert store.keep(TAG, BLOB) == "l9.toml of blob bbbbbbbbbbbb"
    clone.files.clear()
    kept = store.of(TAG)
    assert kept is not None
    assert kept.settings.health.soak == 3
    assert kept.env_rules == (Rule("PORT", type="port"),)
    assert Layout(tmp_path).release_settings(TAG).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "{",
        lambda text: text.replace("l9.release-settings/1", "l9.release-settings/9"),
        lambda text: text.replace(TAG, "v9.9.9-l9"),
        lambda text: text.replace('"soak":3', '"soak":"long"'),
    ],
    ids=["torn", "another schema", "another release's", "another type"],
)
def test_a_copy_that_is_not_whole_is_none(tmp_path: Path, change: Callable[[str], str]) -> None:
    store = ReleaseSettingsStore(Layout(tmp_path), Files({"l9.toml": OWN}), SERVER)
    store.keep(TAG, BLOB)
    path = Layout(tmp_path).release_settings(TAG)
    path.write_text(change(path.read_text()))
    assert store.of(TAG) is None
