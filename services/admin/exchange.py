"""The directory as a YAML document, for ``malle directory export`` and ``import``."""

from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from services.admin.directory import Alias
from services.admin.trouble import DirectoryError
from services.kernel.directory import Account, MailboxFormat
from services.kernel.mail.domainclass import Domain, DomainClass

Content = tuple[list[Domain], list[Account], list[Alias]]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Domain(_Entry):
    name: str
    domain_class: DomainClass = DomainClass.HOSTED
    target: str = ""
    quota_bytes: int = 0
    quota_messages: int = 0


class _Account(_Entry):
    address: str
    password_hash: str = ""
    quota_bytes: int = 0
    quota_messages: int = 0
    enabled: bool = True
    created: float = 0.0
    mailbox_format: MailboxFormat = MailboxFormat.MAILDIR
    scram: str = ""


class _Alias(_Entry):
    source: str
    targets: list[str]


class _Document(_Entry):
    domains: list[_Domain] = []
    accounts: list[_Account] = []
    aliases: list[_Alias] = []


def dump(content: Content) -> str:
    """The document; password hashes and SCRAM keys are in it."""
    domains, accounts, aliases = content
    document = _Document(
        domains=[_Domain(**{name: getattr(domain, name) for name in _Domain.model_fields}) for domain in domains],
        accounts=[_Account(**{name: getattr(account, name) for name in _Account.model_fields}) for account in accounts],
        aliases=[_Alias(source=source, targets=list(targets)) for source, targets in aliases],
    )
    return yaml.safe_dump(document.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def parse(text: str) -> Content:
    """Read a document. Raises ``DirectoryError`` that names the faulty entries."""
    try:
        document = _Document.model_validate(_load(text))
    except ValidationError as error:
        places = (f"{'.'.join(str(key) for key in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise DirectoryError("\n".join(places)) from None
    return (
        [Domain(**entry.model_dump()) for entry in document.domains],
        [Account(**entry.model_dump()) for entry in document.accounts],
        [(entry.source, tuple(entry.targets)) for entry in document.aliases],
    )


def _load(text: str) -> Any:
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise DirectoryError(" ".join(str(error).split())) from None
