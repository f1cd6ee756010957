#!/bin/sh
# Serve /zones/*.zone with nsd, those named in SIGNED signed by a key of this start, and answer for them with unbound, which validates
# and knows no other names. 10.213.7. in a zone file stands for the lab's network, LAB_NET.
set -eu
mkdir -p /run/nsd /run/zones && cd /run/zones
for file in /zones/*.zone; do
    name=${file##*/}
    zone=${name%.zone}
    sed "s/10\.213\.7\./${LAB_NET:-10.213.7}./g" "$file" >"$name"
    case " ${SIGNED:-} " in *" $zone "*)
        key=$(ldns-keygen -k -a ECDSAP256SHA256 "$zone")
        ldns-signzone -e 20370101000000 -o "$zone" -f "$name" "$name" "$key"
        cat "$key.ds" >>anchors
        ;;
    esac
done
{
    printf 'server:\n  username: nsd\n  zonesdir: /run/zones\n  server-count: 1\n  ip-address: 127.0.0.1@5353\n  pidfile: ""\n'
    printf 'remote-control:\n  control-enable: no\n'
    for file in *.zone; do printf 'zone:\n  name: %s\n  zonefile: %s\n' "${file%.zone}" "$file"; done
} >/etc/nsd/nsd.conf
{
    printf 'server:\n  interface: 0.0.0.0\n  access-control: 0.0.0.0/0 allow\n  username: ""\n  chroot: ""\n  use-syslog: no\n  do-daemonize: no\n'
    printf '  pidfile: ""\n  do-ip6: no\n  do-not-query-localhost: no\n  aggressive-nsec: no\n  cache-max-negative-ttl: 1\n'
    printf '  local-zone: "." static\n  local-zone: "test." transparent\n'
    [ ! -e anchors ] || printf '  trust-anchor-file: /run/zones/anchors\n'
    printf 'remote-control:\n  control-enable: no\n'
    for file in *.zone; do printf 'stub-zone:\n  name: "%s"\n  stub-addr: 127.0.0.1@5353\n' "${file%.zone}"; done
} >/run/unbound.conf
nsd -c /etc/nsd/nsd.conf
exec unbound -c /run/unbound.conf
