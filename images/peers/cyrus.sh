#!/bin/sh
# Cyrus IMAP with the user `user` and the password `secret`, in clear text on port 143. What is in it is gone with its container.
set -eu
install -d -o cyrus -g mail /run/cyrus /run/cyrus/proc /run/cyrus/lock /run/cyrus/socket /var/lib/cyrus /var/spool/cyrus/mail
echo secret | saslpasswd2 -p -c -u "$(hostname)" user
chown cyrus /etc/sasldb2
exec cyrmaster -D
