# Postfix with Debian's defaults: the queue on a volume, logging on, LMTP to Dovecot. Only the limits that a load test would hit are off.
set -e
postconf -e 'maillog_file=/var/log/mail.log' 'myhostname=mail.example.test' 'mydestination=' 'mynetworks=127.0.0.0/8' 'inet_protocols=ipv4' \
  'virtual_mailbox_domains=example.test' 'virtual_mailbox_maps=static:all' 'virtual_transport=lmtp:inet:dovecot:24' 'relayhost=[sink]:25' \
  'smtpd_client_connection_count_limit=0' 'smtpd_client_connection_rate_limit=0' 'smtpd_tls_security_level=none' 'smtpd_peername_lookup=no' 'smtp_host_lookup=native' \
  'lmtp_host_lookup=native' 'smtp_dns_support_level=disabled' 'alias_maps=' 'local_recipient_maps=' 'mail_name=Peer'
exec postfix start-fg
