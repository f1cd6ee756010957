"""What may stand in the directory: addresses and domains as the operator types them."""

from dataclasses import replace

from services.admin.trouble import DirectoryError
from services.kernel.mail.address import fold, split, split_extension
from services.kernel.mail.domain import is_domain
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.path import PathError, parse_forward_path
from services.kernel.routing.nexthop import parse_nexthop


def check_address(address: str, delimiter: str) -> str:
    """The folded address of a mailbox. Raises ``DirectoryError``."""
    local, name = split(check_target(address))
    if split_extension(local, delimiter)[1]:
        raise DirectoryError(f"{address}: what follows {delimiter!r} is an extension, not part of a mailbox's name")
    return fold(f"{local}@{name}")


def check_target(address: str) -> str:
    """An address anywhere, as it is written. Raises ``DirectoryError``."""
    try:
        parsed, rest = parse_forward_path(f"<{address}>")
    except PathError as error:
        raise DirectoryError(f"{address}: {error}") from None
    if rest or not is_domain(split(parsed)[1]):
        raise DirectoryError(f"{address}: not a full address")
    return parsed


def check_source(source: str) -> str:
    """The folded source of an alias: an address or ``@domain``. Raises ``DirectoryError``."""
    if source.startswith("@") and is_domain(source[1:]):
        return source.lower()
    return fold(check_target(source))


def check_domain(domain: Domain) -> Domain:
    """The folded domain; an alias needs a target that is a domain, a hosted one has none. Raises ``DirectoryError``.

    A passed-on domain with a dot in front stands for all below it.
    """
    is_wide = domain.name.startswith(".") and domain.domain_class.is_passed_on
    if not is_domain(domain.name[1:] if is_wide else domain.name):
        raise DirectoryError(f"{domain.name!r} is no domain name")
    target = domain.target.lower()
    if domain.domain_class is DomainClass.ALIAS and (not is_domain(target) or target == domain.name.lower()):
        raise DirectoryError(f"{domain.name}: an alias domain needs the domain that it stands for")
    if domain.domain_class is DomainClass.HOSTED and target:
        raise DirectoryError(f"{domain.name}: a hosted domain has no target")
    if domain.domain_class.is_passed_on and target:
        try:
            parse_nexthop(target)
        except ValueError as error:
            raise DirectoryError(f"{domain.name}: {error}") from None
    return replace(domain, name=domain.name.lower(), target=target)
