"""One delivery: from a request to the outcome of each recipient."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Outcome
from services.kernel.routing import commands
from services.kernel.routing.options import Transport
from services.kernel.runtime.users import Identity, UserRefused
from services.kernel.spool.format import Corrupt
from services.kernel.spool.reader import OpenContent
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse
from services.pipe import recipe
from services.pipe.command import FOLDER, Command, Errand
from services.pipe.content import Form, chunks, has_been_delivered_to
from services.pipe.sysexits import Ended, bounce, defer, judge
from services.pipe.users import identify

_OUT_OF_TIME = defer("4.3.0", "the commands for other recipients took all the time of this delivery")


class Misconfigured(Exception):
    """A transport that cannot be used; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Kitchen:
    """What all deliveries share. ``open_content`` opens the content of a queue id and raises ``OSError`` or ``Corrupt``."""

    transports: Mapping[str, Transport]
    delimiter: str
    environment: Mapping[str, str]
    output_limit: int
    executor: Executor
    open_content: Callable[[str], OpenContent]
    tell_trouble: Callable[[str], None]


async def deliver(request: DeliveryRequest, kitchen: Kitchen) -> DeliveryResponse:
    """Run the command of the request's transport. Every trouble becomes an outcome."""
    name = request.nexthop.transport
    try:
        transport, identity = _prepare(name, kitchen)
    except Misconfigured as fault:
        kitchen.tell_trouble(f"transport {name}: {fault}")
        return DeliveryResponse([defer("4.3.5", "mail system configuration error", site=True)] * len(request.recipients))
    outcomes: dict[int, Outcome] = {}
    taken = list[int]()
    for place, recipient in enumerate(request.recipients):
        refusal = _refusal(request, recipient, transport, kitchen.delimiter)
        if refusal is None:
            taken.append(place)
        else:
            outcomes[place] = refusal
    ends = time.monotonic() + request.work_seconds
    for group in _groups(taken, transport.flags):
        recipients = [request.recipients[place] for place in group]
        outcome = await _run(request, recipients, (transport, identity, ends), kitchen) if time.monotonic() < ends else _OUT_OF_TIME
        outcomes |= dict.fromkeys(group, outcome)
    return DeliveryResponse([outcomes[place] for place in range(len(request.recipients))])


def _prepare(name: str, kitchen: Kitchen) -> tuple[Transport, Identity | None]:
    """Raises ``Misconfigured``."""
    transport = kitchen.transports.get(name)
    if transport is None or transport.program != "pipe":
        raise Misconfigured("there is no such transport with the program pipe")
    if fault := commands.argv_fault(transport.argv) or commands.flags_fault(transport.flags):
        raise Misconfigured(fault)
    try:
        return transport, identify(transport.user)
    except UserRefused as refused:
        raise Misconfigured(str(refused)) from None


def _refusal(request: DeliveryRequest, recipient: Recipient, transport: Transport, delimiter: str) -> Outcome | None:
    """What needs no command to be known."""
    if transport.size_limit and request.content_bytes > transport.size_limit:
        return bounce(
            "5.2.3", f"message size {request.content_bytes} exceeds size limit {transport.size_limit} for transport {request.nexthop.transport}"
        )
    if recipe.is_like_an_option(recipient.address):
        return bounce("5.1.3", "an address that begins with a hyphen could be taken for an option")
    if recipe.is_like_an_option(request.sender):
        return bounce("5.1.7", "a sender that begins with a hyphen could be taken for an option")
    if recipe.has_option(transport.argv, request, recipient, _manner(transport, delimiter)):
        return bounce("5.1.3", "what is in the envelope could be taken for an option")
    return None


def _manner(transport: Transport, delimiter: str) -> recipe.Manner:
    return recipe.Manner(transport.flags, transport.null_sender, delimiter)


def _groups(places: Sequence[int], flags: str) -> list[Sequence[int]]:
    """The flags D and O name one recipient in the message, so each has a command of its own; else one is for all."""
    if not places:
        return []
    return [[place] for place in places] if "D" in flags or "O" in flags else [places]


async def _run(request: DeliveryRequest, recipients: Sequence[Recipient], how: tuple[Transport, Identity | None, float], kitchen: Kitchen) -> Outcome:
    """One command. When the request is cancelled, it is killed."""
    transport, identity, ends = how
    content = _open(request, recipients[0], transport, kitchen)
    if not isinstance(content, OpenContent):
        return content
    line = recipe.command_line(transport.argv, request, recipients, _manner(transport, kitchen.delimiter))
    errand = Errand(
        line, kitchen.environment, transport.time_limit_seconds, kitchen.output_limit, transport.directory or FOLDER, identity, ends
    )
    command = Command(errand, chunks(content, _form(request, recipients[0], transport)))
    run = asyncio.get_running_loop().run_in_executor(kitchen.executor, _work, command, content.fd)
    try:
        return judge(await asyncio.shield(run), request.nexthop.transport)  # cancelled, the thread still closes what is open
    except asyncio.CancelledError:
        command.kill()
        run.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise
    except OSError as error:
        kitchen.tell_trouble(f"transport {request.nexthop.transport}: {line[0]}: {error}")
        return defer("4.3.5", "the command cannot be run", site=True)


def _open(request: DeliveryRequest, recipient: Recipient, transport: Transport, kitchen: Kitchen) -> OpenContent | Outcome:
    """The content, or the outcome where it cannot be had or runs in a circle."""
    try:
        content = kitchen.open_content(request.queue_id)
    except (OSError, Corrupt) as error:
        return defer("4.3.0", f"content cannot be opened: {error}")
    try:
        if "D" not in transport.flags or not has_been_delivered_to(content, recipient.address):
            return content
        outcome = bounce("5.4.6", f"mail forwarding loop for {recipient.address}")
    except OSError as error:
        outcome = defer("4.3.0", f"content cannot be read: {error}")
    os.close(content.fd)
    return outcome


def _form(request: DeliveryRequest, recipient: Recipient, transport: Transport) -> Form:
    sender = request.sender or transport.null_sender
    return Form(transport.flags, transport.eol.encode(), sender, recipient.address, recipient.original, time.time())


def _work(command: Command, file: int) -> Ended:
    """In a thread, which owns the open content. Raises ``OSError``."""
    try:
        return command.run()
    finally:
        os.close(file)
