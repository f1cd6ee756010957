"""Running scripts over a message."""

from collections.abc import Sequence

from services.kernel.sieve.actions import Action, Keep
from services.kernel.sieve.delivery import Delivery, Failure, Mark, Result, Site, Stage
from services.kernel.sieve.flags import canonical
from services.kernel.sieve.flaws import RunFault, SieveErrors
from services.kernel.sieve.limits import DEFAULT, Limits
from services.kernel.sieve.machine import Break, Machine, Return, Stop
from services.kernel.sieve.outcome import Outcome


def run(stages: Sequence[Stage], delivery: Delivery, site: Site, limits: Limits = DEFAULT, *, traced: bool = False) -> Result:
    """Decide what becomes of the message. Never raises by itself; without scripts the message is kept."""
    machine = Machine(delivery, site, limits, traced=traced)
    done: tuple[Action, ...] = ()
    marks: tuple[Mark, ...] = ()
    for stage in stages:
        before = _implicit_keep(machine)
        machine.begin(stage, Outcome(limits, done, before.flags))
        failure = _run_stage(machine, stage)
        if failure is not None:
            return _result(machine, (*done, before), marks, failure)
        marks += tuple(machine.outcome.marks)
        if not machine.outcome.is_kept:
            break
        done = machine.outcome.passed_on()
    return _result(machine, machine.outcome.finished(_implicit_keep(machine)), marks)


def _run_stage(machine: Machine, stage: Stage) -> Failure | None:
    try:
        machine.execute(stage.script.commands)
    except (Stop, Return, Break):
        return None
    except RunFault as fault:
        return Failure(machine.name, machine.line, str(fault))
    except SieveErrors as errors:
        return Failure(machine.name, machine.line, f"an included script has errors: {errors.flaws[0]}")
    return None


def _implicit_keep(machine: Machine) -> Keep:
    return Keep(canonical(machine.outcome.kept_flags), is_implicit=True, head=machine.message.head)


def _result(machine: Machine, actions: tuple[Action, ...], marks: tuple[Mark, ...], failure: Failure | None = None) -> Result:
    return Result(actions, marks, failure, tuple(machine.warnings), tuple(machine.trace), machine.steps)
