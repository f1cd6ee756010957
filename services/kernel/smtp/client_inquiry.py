"""Asking a server for one recipient without sending anything: MAIL, RCPT, and no DATA. Without I/O, as ``client.Transaction``."""

from services.kernel.mail.reply import Reply
from services.kernel.smtp import client_envelope
from services.kernel.smtp.client import Answer, Send, Step, Verb
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions


class Inquiry:
    """One inquiry to one server. ``results`` has the deciding answer to the one recipient of ``mail``, ``None`` while there is none.

    It leaves the session within a transaction that RSET ends.
    """

    def __init__(self, mail: Mail, peer: Extensions, *, is_lmtp: bool) -> None:
        (recipient,) = mail.recipients
        self._pipelined = peer.has_pipelining
        self._mail = client_envelope.mail_command(mail, peer, is_lmtp=is_lmtp)
        self._rcpt = client_envelope.rcpt_command(recipient, peer, is_lmtp=is_lmtp)
        self.awaited = Verb.MAIL
        self.results: list[Answer | None] = [None]
        self.is_reusable = True
        """Whether the session can carry another transaction, after RSET."""

    def begin(self) -> bytes:
        """The first bytes to send."""
        return self._mail + self._rcpt if self._pipelined else self._mail

    def take(self, reply: Reply) -> Send | Step:
        """Judge the next reply."""
        verb, is_positive = self.awaited, reply.code // 100 == 2
        if reply.code == 421:  # RFC 5321 section 3.8: the server closes, and no other reply will come
            self.is_reusable = False
            return self._finish(Answer(verb, reply))
        if verb is Verb.RCPT:
            return self._finish(Answer(verb, reply))
        self.awaited = Verb.RCPT
        if not is_positive:
            self.results = [Answer(verb, reply)]
        if self._pipelined:
            return Step.WAIT
        return Send(self._rcpt) if is_positive else Step.FINISHED

    def _finish(self, answer: Answer) -> Step:
        self.results = [self.results[0] or answer]
        return Step.FINISHED
