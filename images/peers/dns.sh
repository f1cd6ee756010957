#!/bin/sh
# Serve /zones/*.zone. A zone file that is empty makes a zone that answers SERVFAIL.
set -eu
{
    echo 'server:'
    echo '  username: nsd'
    echo '  zonesdir: /zones'
    echo '  hide-version: yes'
    echo '  server-count: 1'
    echo 'remote-control:'
    echo '  control-enable: no'
    for file in /zones/*.zone; do
        name=${file##*/}
        echo 'zone:'
        echo "  name: ${name%.zone}"
        echo "  zonefile: $name"
    done
} >/etc/nsd/nsd.conf
mkdir -p /run/nsd && chown nsd /run/nsd
exec nsd -d -c /etc/nsd/nsd.conf
