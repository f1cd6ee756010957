"""SETACL and its kin (RFC 4314 section 3)."""

from services.imapd.grammar.rights import DeleteAcl, ListRights, RightsWord, SetAcl
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.words import mailbox
from services.kernel.mailbox import acl


def parse_set(scanner: Scanner) -> SetAcl:
    """Read the arguments of SETACL. Unknown rights are refused, as section 3.1 asks."""
    name, identifier = _name_and_identifier(scanner)
    scanner.expect(b" ")
    text = scanner.astring().decode("latin-1")
    word = next((word for word in (RightsWord.ADD, RightsWord.REMOVE) if text.startswith(word)), RightsWord.REPLACE)
    try:
        return SetAcl(name, identifier, word, acl.parse(text.removeprefix(word)))
    except ValueError:
        raise BadSyntax("Unknown right") from None


def parse_delete(scanner: Scanner) -> DeleteAcl:
    """Read the arguments of DELETEACL."""
    return DeleteAcl(*_name_and_identifier(scanner))


def parse_list_rights(scanner: Scanner) -> ListRights:
    """Read the arguments of LISTRIGHTS."""
    return ListRights(*_name_and_identifier(scanner))


def _name_and_identifier(scanner: Scanner) -> tuple[str, str]:
    name = mailbox(scanner)
    scanner.expect(b" ")
    try:
        return name, scanner.astring().decode()
    except UnicodeDecodeError:
        raise BadSyntax("Identifier is not UTF-8") from None
