"""The report of the four stages, and the key that its content gives it."""

import msgspec
import pytest

from l9.checks.pipeline.stages import CgmpReport, StageResult, content_key
from l9.core.states import Stage

GREEN = tuple(StageResult(stage, True, f"run {stage}", 1.5, "all well") for stage in Stage)


def report(*stages: StageResult) -> CgmpReport:
    return CgmpReport("4" * 40, "key", "process", stages=stages)


def test_all_four_green_is_passed() -> None:
    assert report(*GREEN).passed


@pytest.mark.parametrize("missing", range(4))
def test_a_stage_that_did_not_run_is_not_passed(missing: int) -> None:
    assert not report(*GREEN[:missing], *GREEN[missing + 1 :]).passed


@pytest.mark.parametrize("red", range(4))
def test_a_red_stage_is_not_passed(red: int) -> None:
    stages = list(GREEN)
    stages[red] = msgspec.structs.replace(stages[red], ok=False)
    assert not report(*stages).passed


def test_nothing_ran() -> None:
    assert not report().passed
    assert report().of(Stage.FIX) is None


def test_one_stage_is_found_by_its_name() -> None:
    assert report(*GREEN).of(Stage.COV) is GREEN[2]


def test_the_stages_are_in_the_order_of_the_specification() -> None:
    assert [str(stage) for stage in Stage] == ["fix", "sim", "cov", "oracle"]


def test_a_report_survives_being_written() -> None:
    one = CgmpReport(
        "4" * 40, "key", "container", "sha256:1", GREEN, {"openapi": "3.1.0"}, ("a==1",), {"x": "1"}
    )
    assert msgspec.json.decode(msgspec.json.encode(one), type=CgmpReport) == one


def test_the_key_tells_every_part_apart() -> None:
    one = content_key({"tree": "1", "lock": "2"})
    assert one == content_key({"lock": "2", "tree": "1"})
    others = (
        {"tree": "1"},
        {"tree": "12", "lock": ""},
        {"tree": "1", "lock": "3"},
        {"tree": "2", "lock": "1"},
    )
    assert len({one, *map(content_key, others)}) == 5
