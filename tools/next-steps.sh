#!/usr/bin/env bash
# What to do with a site that has just started, with the addresses it has on this machine.
set -euo pipefail

at() { docker compose port "$1" "$2"; }

cat <<END

The site is up.
  mail comes in   $(at mx 25)
  submission      $(at submission 587) (STARTTLS), $(at submission 465) (TLS)
  IMAP            $(at imapd 143) (STARTTLS), $(at imapd 993) (TLS)
  POP3            $(at pop3d 110) (STLS), $(at pop3d 995) (TLS)

Next:
  docker compose exec admin malle account add you@example.test       a mailbox (asks for the password)
  docker compose cp mx:/certs/ca.pem ca.pem                          the private CA, for your mail client to trust
  docker compose exec admin malle trace you@example.test             the way each message took
  make demo                                                          see all of it at work, on this machine alone
END
