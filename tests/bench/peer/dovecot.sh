#!/bin/sh
set -e
chown vmail: /mail
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mail.example.test -days 30 \
  -keyout /etc/dovecot/key.pem -out /etc/dovecot/cert.pem 2>/dev/null
exec dovecot -F
