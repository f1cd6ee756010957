#!/bin/sh
# Postfix with Debian's defaults: the queue on a volume, logging on, LMTP to Dovecot, which also says who may sign in. Only the limits that a load
# test would hit are off.
set -e
if [ ! -e /etc/postfix/cert.pem ]; then # the container's first start: a later one is Postfix's own alone
  postconf -e 'maillog_file=/var/log/mail.log' 'myhostname=mail.example.test' 'mydestination=' 'mynetworks=127.0.0.0/8' 'inet_protocols=ipv4' \
    'virtual_mailbox_domains=example.test' 'virtual_mailbox_maps=static:all' 'virtual_transport=lmtp:inet:dovecot:24' \
    'relay_domains=far.test, slow.test, dead.test' 'relayhost=' 'lmtp_host_lookup=native' 'alias_maps=' 'local_recipient_maps=' \
    'smtpd_client_connection_count_limit=0' 'smtpd_client_connection_rate_limit=0' 'smtpd_peername_lookup=no' \
    'in_flow_delay=0' 'message_size_limit=52428800' 'mailbox_size_limit=0' 'mail_name=Peer' \
    'smtpd_tls_security_level=may' 'smtp_tls_security_level=may' 'smtpd_tls_chain_files=/etc/postfix/cert.pem' \
    'smtpd_sasl_type=dovecot' 'smtpd_sasl_path=inet:dovecot:12345'
  postconf -M 'smtps/inet=smtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes'
  # no chroot: the container is one, and the resolver's settings are written by Docker after the image was made
  postconf -F '*/*/chroot=n'
  # a key of the kind that our sites make
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mail.example.test -days 30 -keyout /tmp/key -out /tmp/cert 2>/dev/null
  cat /tmp/key /tmp/cert >/etc/postfix/cert.pem
fi
exec postfix start-fg
