"""`l9 provision` and whose signatures count: read from main, shown before it is written."""

from __future__ import annotations

from pathlib import Path

from release_desk import ADA, CONFIG, Desk

MORE = '[route]\nkind = "caddy-admin"\n[release]\nallowed_signers = "allowed_signers"\nrequire_attestation = true\n'


def desk_at(root: Path) -> Desk:
    place = f'runtime = "process"\npath = "{root}/host"'
    return Desk(root, CONFIG.replace('runtime = "process"', place) + MORE)


def test_the_file_of_main_is_shown(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    desk.write("allowed_signers", "eve@l9.invalid ssh-ed25519 AAAA\n")  # what lies here counts for nothing
    planned = {one["title"]: one["diff"] for one in desk.json("provision", "--dry-run")["planned"]}
    (diff,) = (diff for title, diff in planned.items() if title.endswith("/allowed_signers"))
    assert any(line.startswith(f"+{ADA} ssh-ed25519 ") for line in diff)
    assert not any("eve" in line for line in diff)
    assert not (tmp_path / "host").exists()


def test_a_file_that_main_does_not_have(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    desk.write("l9.toml", (desk.work / "l9.toml").read_text().replace('"allowed_signers"', '"nowhere"'))
    message, _, found, remedy = desk.refused("provision", "--dry-run", code=2)
    assert message == "the allowed signers cannot be read"
    assert "no nowhere on origin's main" in found
    assert remedy == "git push origin main"
