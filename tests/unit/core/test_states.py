"""States, phases and slots."""

from __future__ import annotations

import pytest

from l9.core.states import EXIT_CODES, Slot, State


def test_the_terminal_states_own_the_exit_codes() -> None:
    assert {state: state.exit_code for state in EXIT_CODES} == {
        State.SUCCESS: 0,
        State.REFUSED: 3,
        State.ROLLED_BACK: 4,
        State.FAIL_STATE: 5,
    }


def test_a_state_that_ends_nothing_has_no_exit_code() -> None:
    with pytest.raises(KeyError):
        _ = State.BAKE.exit_code


def test_the_other_slot() -> None:
    assert Slot.BLUE.other is Slot.GREEN
    assert Slot.GREEN.other is Slot.BLUE
