"""The table: the spec's state diagram (1.2), from top to bottom, one row per gate.

Only this module knows the order of the gates. A row states its substrate, the gates before it, its actions, the
invariants that it needs, and the outcome of a run in which it stays closed. Each action has its own undo
(`actions.py`), so that a rollback is the same steps, undone in reverse.
"""

from __future__ import annotations

from l9.checks.compose import invariants as composed
from l9.checks.dockerfile import invariants as image
from l9.checks.environment import invariants as env
from l9.checks.git import invariants as repository
from l9.checks.git import workspace_invariants as workspace
from l9.checks.host import action_invariants as guard
from l9.checks.host import back_invariants as back
from l9.checks.host import live_invariants as live
from l9.checks.host import ready_invariants as ready
from l9.checks.host import slot_invariants as slot
from l9.checks.pipeline import attestation_invariants as attested
from l9.checks.pipeline import stage_invariants as cgmp
from l9.core import actions as do
from l9.core.gates import Gate, Graph, Guard
from l9.core.run import Run
from l9.core.states import Kind, Phase, SlotStatus, Stage, State, Substrate

BOTH = (Kind.DEPLOY, Kind.ROLLBACK)

ROWS = (
    Gate(
        State.LOCAL_READY,
        where=Substrate.WORKSPACE,
        after=(State.START,),
        # The local gates judge the tag's own tree, so that the tag must exist first.
        needs=(
            workspace.ON_MAIN,
            workspace.NO_UNTRACKED,
            workspace.NO_UNCOMMITTED,
            repository.TAG_EXISTS,
            repository.TAG_ANNOTATED,
            repository.TREE_COMPLETE,
            image.EXEC_FORM,
            image.HEALTHCHECK,
            image.NOT_ROOT,
            image.DOCKERFILE_LINTED,
            composed.NO_SOURCE_MOUNTS,
            composed.NO_REPOSITORY_MOUNTS,
            composed.STOP_GRACE_PERIOD,
            composed.STOP_SIGNAL,
            composed.RESTART_POLICY,
            composed.DATABASE_NOT_PUBLISHED,
        ),
        summary="git clean, no untracked files",
    ),
    Gate(
        State.VERSION_LOCK,
        where=Substrate.WORKSPACE,
        after=(State.LOCAL_READY,),
        needs=(
            workspace.DEPENDENCIES_LOCKED,
            workspace.PROJECT_MATCHES_LOCK,
            env.ENV_DOCUMENTED,
            env.DEFAULTS_DOCUMENTED,
            env.ENV_SCHEMA,
            env.ENV_NO_SECRETS,
            env.ENV_SOURCE,
            image.NO_LATEST,
            image.BASE_BY_DIGEST,
            image.OS_PACKAGES_PINNED,
        ),
        summary="every dependency locked, every variable documented",
    ),
    Gate(
        State.FIX,
        where=Substrate.WORKSPACE,
        after=(State.LOCAL_READY,),
        does=lambda run: (do.RunStage(tag=run.tag, stage=Stage.FIX),),
        needs=(cgmp.FIX_PASSED,),
        summary="formatters, linters and types find nothing",
    ),
    Gate(
        State.SIM,
        where=Substrate.WORKSPACE,
        after=(State.FIX,),
        does=lambda run: (do.RunStage(tag=run.tag, stage=Stage.SIM),),
        needs=(cgmp.SIM_PASSED,),
        summary="the release's own tests, on the tag's own tree",
    ),
    Gate(
        State.COV,
        where=Substrate.WORKSPACE,
        after=(State.SIM,),
        does=lambda run: (do.RunStage(tag=run.tag, stage=Stage.COV),),
        needs=(cgmp.COV_PASSED,),
        summary="the tests ran the lines that changed",
    ),
    Gate(
        State.ORACLE,
        where=Substrate.WORKSPACE,
        after=(State.COV,),
        does=lambda run: (do.RunStage(tag=run.tag, stage=Stage.ORACLE),),
        needs=(cgmp.ORACLE_PASSED, cgmp.API_FITS_VERSION),
        summary="the started release keeps its contract",
    ),
    Gate(
        State.BUILD_AND_TEST,
        where=Substrate.WORKSPACE,
        after=(State.ORACLE,),
        needs=(cgmp.IMAGE_MATCHES_LOCK,),
        summary="the image contains exactly the locked versions",
    ),
    Gate(
        State.TESTS_GREEN,
        where=Substrate.WORKSPACE,
        after=(State.BUILD_AND_TEST, State.VERSION_LOCK),
        needs=(cgmp.CGMP_THIS_TREE,),
        summary="all four stages green for exactly this tree",
    ),
    Gate(
        State.CREATE_ANNOTATED_TAG,
        where=Substrate.REPOSITORY,
        after=(State.TESTS_GREEN,),
        needs=(
            repository.TAG_EXISTS,
            repository.TAG_ANNOTATED,
            repository.TAG_NEWER,
            repository.TAG_ON_MAIN,
            repository.TAG_MESSAGE,
            repository.TAG_MESSAGE_FORM,
            repository.TAG_SIGNATURE,
            repository.COMMIT_MESSAGES,
            repository.COMMIT_FORM,
            attested.ATTESTED_HERE,
            repository.NO_SECRETS,
        ),
        summary="annotated, well-formed, reachable from main",
    ),
    Gate(
        State.TAG_IN_GIT,
        where=Substrate.REPOSITORY,
        after=(State.CREATE_ANNOTATED_TAG,),
        does=lambda run: (do.Push(tag=run.tag),),
        needs=(repository.TAG_ON_ORIGIN, repository.MAIN_ON_ORIGIN),
        summary="main and tag on origin, in one atomic push",
    ),
    Gate(
        State.HOST_READY,
        where=Substrate.HOST,
        after=(State.TAG_IN_GIT,),
        needs=(
            ready.ENGINE_READY,
            ready.SITE_READY,
            ready.CHECKOUT_UNEDITED,
            ready.PORTS_FREE,
            ready.DISK_FREE,
            ready.MEMORY_FREE,
            ready.WAY_BACK,
            ready.NEWER_THAN_LIVE,
        ),
        summary="the host is ready for the release, and a rollback is possible",
    ),
    Gate(
        State.VPS_TAG_VERIFIED,
        where=Substrate.HOST,
        after=(State.HOST_READY,),
        does=lambda run: take_tag(run),
        needs=(
            ready.TAG_SAME,
            ready.TAG_NEVER_MOVED,
            ready.TAG_ON_MAIN,
            attested.ATTESTED_ON_HOST,
            ready.ENV_COMPLETE,
        ),
        phase=Phase.PREPARE,
        summary="the host's clone has the same tag object, on main, and the environment is complete",
    ),
    Gate(
        State.IMAGES_READY,
        where=Substrate.HOST,
        after=(State.VPS_TAG_VERIFIED,),
        does=lambda run: make_ready(run),
        needs=(slot.IMAGE_READY, slot.SERVICES_UP),
        phase=Phase.PREPARE,
        summary="image built or pulled, other services up",
    ),
    Gate(
        State.RELEASE_RETAINED,
        where=Substrate.HOST,
        after=(State.START,),
        does=lambda run: rebuild(run),
        needs=(ready.RELEASE_KEPT, ready.SITE_READY),
        phase=Phase.PREPARE,
        kinds=(Kind.ROLLBACK,),
        summary="every part of the release to roll back to is there (rebuilt only with --rebuild)",
    ),
    Gate(
        State.BLUE_GREEN_LAUNCH,
        where=Substrate.HOST,
        after=(State.IMAGES_READY, State.RELEASE_RETAINED),
        does=lambda run: launch(run),
        needs=(slot.NEW_SLOT_UP,),
        phase=Phase.PREPARE,
        kinds=BOTH,
        summary="the release started in the idle slot",
    ),
    Gate(
        State.DEADLINE,
        where=Substrate.HOST,
        after=(State.BLUE_GREEN_LAUNCH,),
        needs=(slot.HEALTHY_IN_TIME,),
        phase=Phase.PREPARE,
        kinds=BOTH,
        summary="healthy before the deadline",
    ),
    Gate(
        State.HEALTH,
        where=Substrate.HOST,
        after=(State.BLUE_GREEN_LAUNCH,),
        needs=(slot.HEALTHY_FOR_SOAK, slot.ENGINE_HEALTH),
        phase=Phase.PREPARE,
        kinds=BOTH,
        summary="healthy without a break for the soak time",
    ),
    Gate(
        State.LOGS,
        where=Substrate.HOST,
        after=(State.BLUE_GREEN_LAUNCH,),
        needs=(slot.LOGS_CLEAN,),
        phase=Phase.PREPARE,
        kinds=BOTH,
        summary="no error in the log that the live slot does not log too",
    ),
    Gate(
        State.GREEN_HEALTHY,
        where=Substrate.HOST,
        after=(State.HEALTH, State.LOGS, State.DEADLINE),
        # Health is judged again: the rows before this one opened at different times, and smoke tests may take long.
        needs=(slot.SMOKE_PASSED, slot.NEW_SLOT_STEADY, slot.HEALTHY_FOR_SOAK, slot.LOGS_CLEAN),
        phase=Phase.PREPARE,
        kinds=BOTH,
        summary="smoke tests pass on the new slot, and leave it healthy and its log clean",
    ),
    Gate(
        State.ROUTE_TRAFFIC,
        where=Substrate.HOST,
        after=(State.GREEN_HEALTHY,),
        does=lambda run: (do.SwitchRoute(to=run.new, back=run.active or run.new.other),),
        needs=(live.ROUTE_SET,),
        phase=Phase.SWITCH,
        kinds=BOTH,
        closed=State.ROLLED_BACK,
        summary="the route names the new slot",
    ),
    Gate(
        State.PROOF,
        where=Substrate.HOST,
        after=(State.ROUTE_TRAFFIC,),
        needs=(live.ROUTE_PROVED,),
        phase=Phase.FINISH,
        kinds=BOTH,
        closed=State.ROLLED_BACK,
        summary="answers through the public route carry the new release",
    ),
    Gate(
        State.BAKE,
        where=Substrate.HOST,
        after=(State.PROOF,),
        needs=(
            slot.NEW_SLOT_STEADY,
            live.FEW_SERVER_ERRORS,
            slot.LOGS_STAY_CLEAN,
            live.ANSWERS_STAY_GOOD,
        ),
        phase=Phase.FINISH,
        closed=State.ROLLED_BACK,
        summary="watched under real traffic",
    ),
    Gate(
        State.DRAIN,
        where=Substrate.HOST,
        after=(State.BAKE, State.PROOF),
        needs=(live.DRAINED,),
        phase=Phase.FINISH,
        kinds=BOTH,
        closed=State.FAIL_STATE,
        summary="requests in flight on the old slot have ended",
    ),
    Gate(
        State.SHUTDOWN,
        where=Substrate.HOST,
        after=(State.DRAIN,),
        does=lambda run: stand_by(run),
        needs=(live.OLD_STANDS_BY, live.ROUTE_STAYS),
        # Somebody may have moved the route since it was proved: the release is accepted, and users are to get it.
        retakes=State.ROUTE_TRAFFIC,
        phase=Phase.FINISH,
        kinds=BOTH,
        closed=State.FAIL_STATE,
        summary="the old slot is paused, ready for a rollback",
    ),
    Gate(
        State.CLEANUP,
        where=Substrate.HOST,
        after=(State.SHUTDOWN,),
        does=lambda run: clean_up(run),
        needs=(live.RECORD_TRUE, live.ROUTE_STAYS),
        retakes=State.ROUTE_TRAFFIC,
        phase=Phase.FINISH,
        kinds=BOTH,
        closed=State.FAIL_STATE,
        summary="the release is recorded, releases that are not retained are removed",
    ),
    # After all else, so that it delays nothing: users are back since the switch.
    Gate(
        State.WATCH,
        where=Substrate.HOST,
        after=(State.CLEANUP,),
        needs=(back.BACK_HEALTHY,),
        phase=Phase.FINISH,
        kinds=(Kind.ROLLBACK,),
        closed=State.FAIL_STATE,
        summary="the release that users returned to is watched; whatever it answers, nothing is undone",
    ),
)

# The rollback: the previous slot is started, all steps are undone in reverse, and then these invariants must hold.
# If they do not, a person must act.
ROLLBACK = Gate(
    State.ROLLBACK,
    where=Substrate.HOST,
    after=(),
    first=lambda run: wake_previous(run),
    does=lambda run: restore(run),
    needs=(live.PREVIOUS_LIVE, live.NEW_SLOT_GONE, ready.ENV_PUT_BACK, back.BACK_HEALTHY),
    phase=Phase.FINISH,
    kinds=BOTH,
    closed=State.FAIL_STATE,
    summary="the previous release is live, proved through the public route",
)

# Invariants that must hold before an action is performed. If they do not, its gate closes; in a rollback the step
# fails, and the others are still tried.
GUARDS = (
    Guard((do.SwitchRoute,), needs=(guard.TARGET_ANSWERS,)),
    Guard((do.RemoveSlot, do.StopSlot, do.PauseSlot, do.RecycleSlot), needs=(guard.SLOT_IDLE,)),
    Guard((do.EvictSlot,), needs=(guard.SLOT_UNUSED,)),
    Guard(
        (do.RemoveSlot, do.StopSlot),
        needs=(live.DRAINED,),
        when=lambda run: users_return(run),
        case="when a run goes back after the switch",
    ),
    Guard(
        (do.PauseSlot, do.RecycleSlot),
        needs=(live.DRAINED,),
        when=lambda run: switched_again(run),
        case="when somebody had moved the route, and the run moved it again",
    ),
    Guard(
        (do.PauseSlot,),
        needs=(guard.STANDBY_WARM,),
        when=lambda run: recycled(run),
        case="of a slot that was restarted",
    ),
    Guard((do.RemoveTree,), needs=(guard.TREE_UNUSED,)),
)


def take_tag(run: Run) -> tuple[do.AnyAction, ...]:
    """Fetch the tag on the host, write its tree, and read its settings."""
    return (
        do.FetchTag(tag=run.tag),
        do.AddTree(tag=run.tag, created_by_run=run.created_by_run),
        do.ReadSettings(tag=run.tag, blob=run.config_blob),
    )


def rebuild(run: Run) -> tuple[do.AnyAction, ...]:
    """Rebuild the release that a rollback goes to, if requested; else nothing."""
    if not run.rebuild:
        return ()
    return (
        do.AddTree(tag=run.tag, created_by_run=run.created_by_run),
        do.ReadSettings(tag=run.tag),
        do.BuildImage(tag=run.tag, commit=run.commit, no_cache=True),
        do.StartServices(tag=run.tag),
    )


def make_ready(run: Run) -> tuple[do.AnyAction, ...]:
    """Prepare the release: its environment (if the deploy has resolved one), image and services."""
    env = (do.WriteEnv(run=run.id),) if run.env is not None else ()
    build = do.BuildImage(tag=run.tag, commit=run.commit, no_cache=run.rebuild)
    return (*env, build, do.StartServices(tag=run.tag))


def launch(run: Run) -> tuple[do.AnyAction, ...]:
    """Start the release in its slot: wake it if it is still there, else create it."""
    if run.wake is not None:
        return (do.WakeSlot(slot=run.new, release=run.tag, was=run.wake),)
    start = do.StartSlot(slot=run.new, release=run.tag)
    return (do.EvictSlot(slot=run.new, release=run.evict), start) if run.evict else (start,)


def stand_by(run: Run) -> tuple[do.AnyAction, ...]:
    """Pause the old slot; restart it first if streams were still open on it (a paused stream hangs)."""
    if run.old is None or run.previous is None:
        return ()
    pause = do.PauseSlot(slot=run.old, release=run.previous)
    drained = run.opened.get(State.DRAIN)
    quiet = drained is not None and any(live.QUIET in e.found for e in drained.evidence)
    if quiet and not switched_again(run):
        return (pause,)
    return (do.RecycleSlot(slot=run.old, release=run.previous), pause)


def clean_up(run: Run) -> tuple[do.AnyAction, ...]:
    """Record the release, and remove those that are not retained, if the journal knows them all."""
    record = do.RecordRelease(tag=run.tag, commit=run.commit)
    return (record, do.Prune(keep=run.retained)) if run.prune else (record,)


def users_return(run: Run) -> bool:
    """True if users move back from the new slot: their requests on it must still be answered."""
    return run.going_back and run.switched and run.finished is None


def switched_again(run: Run) -> bool:
    """True if the run switched to its release twice before it touched the old slot: that had users after its drain."""
    touched = min((s.number for s in run.steps if s.gate is State.SHUTDOWN), default=len(run.steps))
    earlier = (s.action for s in run.steps if s.number < touched)
    return sum(isinstance(action, do.SwitchRoute) and action.to is run.new for action in earlier) > 1


def recycled(run: Run) -> bool:
    """True if the old slot was restarted before its pause."""
    return any(isinstance(step.action, do.RecycleSlot) for step in run.steps)


def undo_of(run: Run, action: do.AnyAction) -> do.AnyAction | None:
    """The undo of an action. A slot that had users is stopped, not paused: an open stream on a paused slot hangs."""
    undo = action.undo()
    if isinstance(undo, do.PauseSlot) and run.switched:
        return do.StopSlot(slot=undo.slot, release=undo.release)
    return undo


def wake_previous(run: Run) -> tuple[do.AnyAction, ...]:
    """Start the previous release before users move back to it: it may have exited in the meantime."""
    if run.old is None or run.previous is None or not run.switched:
        return ()
    return (do.WakeSlot(slot=run.old, release=run.previous, was=SlotStatus.RUNNING),)


def restore(run: Run) -> tuple[do.AnyAction, ...]:
    """After all is undone, make sure that the previous release runs and that the route names it."""
    if run.old is None or run.previous is None:
        return ()
    wake = do.WakeSlot(slot=run.old, release=run.previous, was=SlotStatus.RUNNING)
    return (wake, do.SwitchRoute(to=run.old, back=run.old))


GRAPH = Graph(ROWS, ROLLBACK, GUARDS, undo_of)
