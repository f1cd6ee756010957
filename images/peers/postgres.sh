#!/bin/sh
# Make the cluster at the first start, then be the server.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -e /data/PG_VERSION ]; then
    umask 077
    printf '%s' "${POSTGRES_PASSWORD:?}" >/tmp/password
    initdb -D /data -U malleposte --pwfile=/tmp/password --auth=scram-sha-256 -E UTF8 --locale=C.UTF-8 >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>/data/pg_hba.conf
    echo 'CREATE DATABASE malleposte;' | postgres --single -D /data postgres >/dev/null
fi
exec postgres -D /data -c listen_addresses='*' -c unix_socket_directories=/tmp
