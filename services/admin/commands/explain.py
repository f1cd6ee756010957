"""``malle explain``: what would become of a message, from RCPT to the socket, and why not something else."""

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from services.admin.desk import Desk
from services.admin.output import age, plural, print_json

if TYPE_CHECKING:
    from services.admin.explaining import Told, Way
    from services.kernel.routing import Stage
    from services.kernel.wire.control import Foreseen
    from services.kernel.wire.delivery import InspectedHost
    from services.kernel.wire.verdict import Verdict


def explain(  # noqa: PLR0913  # each parameter is an option of the command
    context: typer.Context,
    recipient: Annotated[str, typer.Argument(metavar="[RECIPIENT]", help="Or --to.")] = "",
    sender: Annotated[str, typer.Option("--from", help="The envelope sender; the null sender without it.")] = "",
    to: Annotated[str, typer.Option("--to", help="The envelope recipient.")] = "",
    client: Annotated[str, typer.Option(help="The address of the client that hands it in.")] = "",
    may_relay: Annotated[bool, typer.Option("--signed-in", help="As if a user had sent it by submission, not a stranger to the MX.")] = False,
    header: Annotated[list[str] | None, typer.Option(help="A field of the message, as 'From: a@b'; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what becomes of a message: each table asked with file and line, the hosts, TLS, login and schedule. Nothing is sent.

    Exit status 1 when the recipient would be refused.
    """
    from services.admin.explaining import Question, find_out
    from services.kernel.routing import Accepted

    desk: Desk = context.obj
    if bool(recipient) == bool(to):
        raise typer.BadParameter("name one recipient, as an argument or by --to")
    head = "".join(f"{field}\r\n" for field in header or []).encode()
    question = Question(sender.strip("<>"), (recipient or to).strip("<>"), client, may_relay, head)
    told = asyncio.run(find_out(desk, question))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(told, builtin_types=(bytes,)) | {"head": told.head.decode(errors="replace")})
    else:
        typer.echo("\n".join(_tree(told)))
    if not isinstance(told.routing.acceptance, Accepted):
        raise typer.Exit(1)


def _tree(told: "Told") -> Iterator[str]:
    question, routing = told.question, told.routing
    role = "submission, signed in" if question.is_signed_in else "MX, as a stranger"
    yield f"handed in at {role}" + (f", from {question.client}" if question.client else "")
    yield f"sender <{question.sender}>" + _changed(question.sender, routing.sender.address)
    yield from _stage(routing.stages[0])
    yield f"recipient <{question.recipient}>: {_verdict(told)}"
    yield from _stage(routing.stages[1])
    if told.head != question.head:
        yield from ("header as it is queued", *(f"    {line}" for line in told.head.decode(errors="replace").splitlines()))
    for way in told.ways:
        yield ""
        yield from _way(told, way)


def _changed(before: str, after: str) -> str:
    return "" if before == after else f" goes on as <{after}>"


def _verdict(told: "Told") -> str:
    from services.kernel.routing import Accepted

    acceptance = told.routing.acceptance
    if not isinstance(acceptance, Accepted):
        return f"refused, {acceptance.reply}"
    copies = [copy.address for copy in (*acceptance.copies, *told.routing.sender.copies)]
    also = f"; copies to {', '.join(copies)}" if copies else ""
    return f"accepted, {acceptance.domain_class}, for {', '.join(acceptance.final)}{also}"


def _stage(stage: "Stage") -> Iterator[str]:
    for step in stage.steps:
        place = f"  ({step.file}:{step.line})" if step.line else ""
        yield f"    {step.table}  {step.key}  {'-' if step.hit is None else f'= {step.hit}'}{place}"
    for remark in stage.remarks:
        yield f"    {remark.note}"


def _way(told: "Told", way: "Way") -> Iterator[str]:
    from services.kernel.routing import Destination

    route = way.route
    kind = " (smarthost)" if isinstance(route, Destination) and route.is_smarthost else ""
    yield f"{way.address} -> {route if isinstance(route, Destination) else route.reply}{kind}"
    yield from _stage(way.stage)
    if isinstance(route, Destination) and route.sender:
        yield f"    login by sender {route.sender}"
    if way.verdict is not None:
        yield f"  verification: {_known(way.verdict)}"
    yield from _hosts(told, way)
    if way.schedule is not None:
        yield from _schedule(way.schedule)
    for fault in way.faults:
        yield f"  not found out: {fault}"


def _known(verdict: "Verdict") -> str:
    seen = f", {age(time.time() - verdict.updated)} ago" if verdict.updated else ""
    words = f": {verdict.reply}" if verdict.reply else ""
    return f"{verdict.state} ({verdict.source}{seen}){words}"


def _hosts(told: "Told", way: "Way") -> Iterator[str]:
    found = way.hosts
    if found is None:
        return
    if found.trouble:
        yield f"  relay: {found.trouble}"
    sender, recipient = told.routing.sender.address, way.address
    if (found.sender, found.recipient) != (sender, recipient):
        yield f"  leaves from <{found.sender}> for <{found.recipient}> (generic)"
    if found.head != told.head:
        yield from ("  header as it leaves", *(f"      {line}" for line in found.head.decode(errors="replace").splitlines()))
    for number, host in enumerate(found.hosts, 1):
        yield from _host(number, host)


def _host(number: int, host: "InspectedHost") -> Iterator[str]:
    name = f"{host.host}[{host.address}]:{host.port}" if host.address else host.host or host.place
    yield f"  {number}. {name}" + (", fallback" if host.is_fallback else "") + (f": {host.trouble}" if host.trouble else "")
    if host.trouble:
        return
    yield f"       HELO {host.hello}" + (f" from {host.source}" if host.source else "")
    yield f"       TLS {host.tls_level}, by {host.tls_source}"
    if host.login:
        clear = f", in clear text {' '.join(host.clear_mechanisms) or 'none'}"
        yield f"       login {host.login}, by {host.login_key} ({host.login_place}); {' '.join(host.mechanisms) or 'no mechanism'}{clear}"
    else:
        yield "       no login"


def _schedule(plan: "Foreseen") -> Iterator[str]:
    rate = f", one every {plan.rate_delay:g} s" if plan.rate_delay else ""
    rate += f", {plan.rate:g} a second" if plan.rate else ""
    yield f"  at most {plan.limit} deliveries at once ({min(plan.initial, plan.limit)} at first), {plural(plan.recipients, 'recipient')} each{rate}"
    warned = f", the sender hears after {age(plan.warns_after)}" if plan.warns_after else ""
    yield f"  tried after {' '.join(age(second) for second in plan.attempts)} ..., given up after {age(plan.lifetime)}{warned}"
    site = plan.site
    if site is not None:
        dead = f", left alone for {age(site.dead_until - time.time())}: {site.reason}" if site.dead_until > time.time() else ""
        yield f"  now {site.in_flight} under way of {site.concurrency}, {site.waiting + site.deferred} wait{dead}"
