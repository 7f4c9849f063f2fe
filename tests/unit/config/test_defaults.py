"""The five-line file, and the spec's value for everything that it leaves out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from l9_files import FIVE_LINES

from l9 import configuration as load
from l9.config import model
from l9.errors import ConfigError

CONFIG = load.parse(FIVE_LINES)


@pytest.mark.parametrize(
    ("found", "spec"),
    [
        (CONFIG.instance, "l9-api"),
        (CONFIG.target.path, "/opt/l9"),
        (CONFIG.target.ports.blue, 8000),
        (CONFIG.target.ports.green, 8001),
        (CONFIG.target.runtime, "compose"),
        (CONFIG.release.tag, "v<major>.<minor>.<patch>-l9"),
        (CONFIG.release.main, "main"),
        (CONFIG.env.file, ".env"),
        (CONFIG.env.example, ".env.example"),
        (CONFIG.health.path, "/health"),
        (CONFIG.health.status, (200,)),
        ((CONFIG.health.field, CONFIG.health.equals), ("status", "healthy")),
        (CONFIG.health.deadline, 60),
        (CONFIG.health.soak, 10),
        (CONFIG.drain.grace, 30),
        (CONFIG.route.admin, "http://127.0.0.1:2019"),
        (
            CONFIG.check.test,
            ("docker", "compose", "run", "--rm", "test", "pytest", "tests/test_cgmp.py", "-v"),
        ),
        (CONFIG.check.allow_untracked, (".env.local", ".env.*.local")),
    ],
)
def test_what_the_file_leaves_out_is_as_in_the_spec(found: object, spec: object) -> None:
    assert found == spec


def test_it_is_read_from_the_projects_directory(tmp_path: Path) -> None:
    (tmp_path / load.FILE).write_text(FIVE_LINES)
    assert load.load(tmp_path) == CONFIG


def test_no_file_is_answered_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load.load(tmp_path)
    assert refused.value.remedy == "l9 init"
    assert refused.value.exit_code == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / load.FILE).write_bytes(b"app = '\xff'")
    with pytest.raises(ConfigError, match="cannot be read"):
        load.load(tmp_path)
    (tmp_path / load.FILE).unlink()
    (tmp_path / load.FILE).mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load.load(tmp_path)


@pytest.mark.parametrize("field", ["app", "target", "health"])
def test_a_configuration_is_frozen(field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(CONFIG, field, None)


@pytest.mark.parametrize(
    "section",
    [kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, model.Section)],
)
def test_every_section_is_frozen_strict_and_explained(section: type[msgspec.Struct]) -> None:
    settings = section.__struct_config__
    assert (settings.frozen, settings.forbid_unknown_fields) == (True, True)
    assert section.__doc__


def test_the_reference_backend_needs_the_five_lines_and_its_requests() -> None:
    text = (Path(__file__).parents[3] / "examples/l9-backend/l9.toml").read_text(encoding="utf-8")
    found = load.parse(text)
    assert found.smoke[0].path == found.cgmp.golden[0].path == "/memory/packet"
    cgmp = msgspec.structs.replace(found.cgmp, golden=())
    bare = msgspec.structs.replace(found, target=CONFIG.target, smoke=(), cgmp=cgmp)
    assert bare == CONFIG
