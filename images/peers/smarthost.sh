#!/bin/sh
# Postfix as a smarthost with Dovecot's SASL: 25 takes from anybody, 587 wants STARTTLS and a login, 465 TLS and a login; 5801 and on
# are like 587 and offer one mechanism each. What it takes is printed as one line (taken.py) and goes no further. Port 24 and
# /run/lmtp/dovecot are Dovecot's LMTP, for any user, into Maildirs in /var/mail/USER.
set -eu
: >/taken && chmod 0622 /taken
tail -n +1 -F /taken &
install -d -o mail -g mail /var/mail
install -d -m 0777 /run/lmtp
dovecot -F &
postconf -e maillog_file=/dev/stdout myhostname="$HOSTNAME" mydestination= mynetworks="127.0.0.0/8 ${LAB_NET:-10.213.7}.0/24" \
    inet_protocols=ipv4 relayhost= alias_maps= local_recipient_maps= default_transport=taken relay_transport=taken virtual_transport=taken \
    smtpd_tls_security_level=may smtpd_tls_received_header=yes smtpd_tls_ask_ccert=yes smtpd_tls_chain_files=/lab/certs/postfix.pem \
    smtpd_tls_CAfile=/lab/certs/ca.pem smtpd_tls_loglevel=1 smtputf8_autodetect_classes=all \
    smtpd_sasl_type=dovecot smtpd_sasl_path=inet:127.0.0.1:3490 smtpd_sasl_authenticated_header=yes smtpd_sasl_tls_security_options=noanonymous \
    smtpd_client_connection_rate_limit=0 smtpd_peername_lookup=no message_size_limit=52428800 queue_run_delay=2s taken_destination_recipient_limit=1
postconf -F '*/*/chroot=n'
postconf -M taken/unix='taken unix - n n - 8 pipe flags=q user=nobody argv=/usr/bin/python3 -IS /taken.py peer=postfix from=${sender} to=${recipient} client=${client_address} helo=${client_helo} sasl_method=${sasl_method} sasl_username=${sasl_username} queue_id=${queue_id}'
with_login() { # port, further options
    port=$1
    shift
    postconf -M "$port/inet=$port inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject $*"
}
with_login 587 -o smtpd_tls_security_level=encrypt
with_login 465 -o smtpd_tls_wrappermode=yes
port=5801
for mechanism in plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2; do
    with_login $port -o smtpd_tls_security_level=encrypt -o "smtpd_sasl_mechanism_filter=$mechanism"
    port=$((port + 1))
done
# a login in clear text, where a mechanism that shows no password is safe
with_login 5820 -o smtpd_tls_security_level=none -o smtpd_sasl_mechanism_filter=plain,login,cram-md5
exec postfix start-fg
