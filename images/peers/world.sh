#!/bin/sh
# A Postfix as it comes from Debian: opportunistic TLS both ways with a certificate that nobody vouches for, log on stdout,
# mail for carol in the Maildir /var/mail/world.test/carol.
# The network LAB_NET, if one is named, may send through it.
set -eu
postconf -e maillog_file=/dev/stdout myhostname=mx.world.test mydestination= mynetworks="127.0.0.0/8 ${LAB_NET:+$LAB_NET.0/24}" inet_protocols=ipv4 relayhost= alias_maps= \
    virtual_mailbox_domains=world.test virtual_mailbox_base=/var/mail 'virtual_mailbox_maps=inline:{carol@world.test=world.test/carol/}' \
    virtual_minimum_uid=8 virtual_uid_maps=static:8 virtual_gid_maps=static:8 message_size_limit=52428800 virtual_mailbox_limit=0 \
    smtp_tls_security_level=may smtpd_tls_security_level=may \
    smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key \
    minimal_backoff_time=2s queue_run_delay=2s smtp_connect_timeout=5s
# a server that was killed behind a cut line never says so: nobody shall wait for it for ten minutes
for step in helo starttls mail rcpt data_init data_xfer data_done rset quit; do postconf -e smtp_${step}_timeout=20s; done
# no chroot: the container is one, and the resolver's settings are written by Docker after the image was made
postconf -F '*/*/chroot=n'
install -d -o mail -g mail /var/mail/world.test
exec postfix start-fg
