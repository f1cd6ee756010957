#!/bin/sh
# Exim, see exim.conf; its log and what it takes on stdout. Words are further options of the daemon.
set -eu
: >/taken && chmod 0622 /taken
tail -n +1 -F /taken &
install -d -m 0750 -o Debian-exim -g Debian-exim /run/exim4 /var/spool/exim4
install -d -m 0750 -o Debian-exim -g Debian-exim /var/log/exim4
tail -q -n +1 -F /var/log/exim4/mainlog /var/log/exim4/paniclog 2>/dev/null &
exec exim4 -bdf -q2s "$@"
