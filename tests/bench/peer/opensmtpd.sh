#!/bin/sh
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mail.example.test -days 30 \
  -keyout /etc/smtpd.key -out /etc/smtpd.pem 2>/dev/null
chmod 600 /etc/smtpd.key
busybox syslogd -O /var/log/mail.log
exec smtpd -F -f /peer/opensmtpd.conf
