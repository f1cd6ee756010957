#!/usr/bin/env bash
# What to do with a site that has just started, with the addresses it has on this machine.
set -euo pipefail

at() { docker compose port "$1" "$2"; }

if ! docker compose ps --services --status running | grep -qx submission; then
    cat <<END

The site is up, as a secondary MX: mail comes in at $(at mx 25).

Next (docs/two-hosts.md goes on from here):
  docker compose exec admin malle mx add example.test                a domain to stand in for
  docker compose exec -T admin malle mx identity                     the certificate for its primary
  docker compose exec admin malle mx status                          whether primaries answer, and how old their recipients are here
END
    exit
fi

cat <<END

The site is up.
  mail comes in   $(at mx 25)
  submission      $(at submission 587) (STARTTLS), $(at submission 465) (TLS)
  IMAP            $(at imapd 143) (STARTTLS), $(at imapd 993) (TLS)
  POP3            $(at pop3d 110) (STLS), $(at pop3d 995) (TLS)
  ManageSieve     $(at managesieve 4190) (STARTTLS)

Next:
  docker compose exec admin malle account add you@example.test       a mailbox (asks for the password)
  docker compose cp mx:/certs/ca.pem ca.pem                          the private CA, for your mail client to trust
  docker compose exec admin malle trace you@example.test             the way each message took
  make demo                                                          see all of it at work, on this machine alone
END
