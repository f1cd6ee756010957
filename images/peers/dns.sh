#!/bin/sh
# Serve /zones/*.zone; `sh /dns.sh reload` reads them again. A zone file that is empty makes a zone that answers SERVFAIL.
set -eu
{
    echo 'server:'
    echo '  username: nsd'
    echo '  zonesdir: /zones'
    echo '  hide-version: yes'
    echo '  server-count: 1'
    echo 'remote-control:'
    echo '  control-enable: yes'
    echo '  control-interface: /run/nsd/control'
    for file in /zones/*.zone; do
        name=${file##*/}
        echo 'zone:'
        echo "  name: ${name%.zone}"
        echo "  zonefile: $name"
    done
} >/etc/nsd/nsd.conf
if [ "${1:-}" = reload ]; then
    nsd-control reconfig
    exec nsd-control reload
fi
mkdir -p /run/nsd && chown nsd /run/nsd
exec nsd -d -c /etc/nsd/nsd.conf
