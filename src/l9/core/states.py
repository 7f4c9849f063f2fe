"""The states of the graph (spec 1.2) and the slots that releases run in.

>>> State.ROLLED_BACK.value, State.ROLLED_BACK.exit_code
('ROLLED-BACK', 4)
>>> Slot.BLUE.other.value
'green'
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """A node of the spec's state diagram; the value is the name on the screen and in the journal."""

    START = "START"
    LOCAL_READY = "LOCAL-READY"
    FIX = "FIX"
    SIM = "SIM"
    COV = "COV"
    ORACLE = "ORACLE"
    BUILD_AND_TEST = "BUILD-AND-TEST"
    VERSION_LOCK = "VERSION-LOCK"
    TESTS_GREEN = "TESTS-GREEN"
    CREATE_ANNOTATED_TAG = "CREATE-ANNOTATED-TAG"
    TAG_IN_GIT = "TAG-IN-GIT"
    HOST_READY = "HOST-READY"
    VPS_TAG_VERIFIED = "VPS-TAG-VERIFIED"
    RELEASE_RETAINED = "RELEASE-RETAINED"
    IMAGES_READY = "IMAGES-READY"
    BLUE_GREEN_LAUNCH = "BLUE-GREEN-LAUNCH"
    HEALTH = "HEALTH"
    LOGS = "LOGS"
    DEADLINE = "DEADLINE"
    GREEN_HEALTHY = "GREEN-HEALTHY"
    ROUTE_TRAFFIC = "ROUTE-TRAFFIC"
    PROOF = "PROOF"
    BAKE = "BAKE"
    DRAIN = "DRAIN"
    SHUTDOWN = "SHUTDOWN"
    CLEANUP = "CLEANUP"
    WATCH = "WATCH"
    SUCCESS = "SUCCESS"
    ROLLBACK = "ROLLBACK"
    REFUSED = "REFUSED"
    ROLLED_BACK = "ROLLED-BACK"
    FAIL_STATE = "FAIL-STATE"

    @property
    def exit_code(self) -> int:
        """The process exit code of a run that ended in this state; KeyError if it is not terminal."""
        return EXIT_CODES[self]


EXIT_CODES = {State.SUCCESS: 0, State.REFUSED: 3, State.ROLLED_BACK: 4, State.FAIL_STATE: 5}


class Substrate(StrEnum):
    """The substrate that a gate is judged on (spec 1.1)."""

    WORKSPACE = "workspace"
    REPOSITORY = "repository"
    HOST = "host"


class Phase(StrEnum):
    """The progress of the host's part; SWITCH is the one commit point."""

    CHECK = "check"
    PREPARE = "prepare"
    SWITCH = "switch"
    FINISH = "finish"


class Kind(StrEnum):
    """The purpose of a run."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class Slot(StrEnum):
    """One of the two places on a host that a release can run in."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Slot:
        return Slot.GREEN if self is Slot.BLUE else Slot.BLUE


class SlotStatus(StrEnum):
    """The status of a slot as reported by the runtime."""

    ABSENT = "absent"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    EXITED = "exited"
    RESTARTING = "restarting"


class StepStatus(StrEnum):
    """The progress of one action of a run. RETRIED: a later step of the run takes its place."""

    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"
    RETRIED = "retried"


class Stage(StrEnum):
    """The stages in their order; a stage runs only after all earlier ones have passed."""

    FIX = "fix"
    SIM = "sim"
    COV = "cov"
    ORACLE = "oracle"
