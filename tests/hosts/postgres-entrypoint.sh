#!/bin/sh
# What the official image does, in short: make a database on the first start, then run the server as `postgres`.
# Reads POSTGRES_PASSWORD (required at first), POSTGRES_USER, POSTGRES_DB and PGDATA.
set -eu

case "${1:-postgres}" in
postgres) [ $# = 0 ] || shift ;;
-*) ;; # options for the server
*) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres:postgres "$PGDATA" /run/postgresql
    chmod 0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

if [ ! -e "$PGDATA/.complete" ]; then # none yet, or its making was cut short
    : "${POSTGRES_PASSWORD:?is needed at the first start}"
    find "$PGDATA" -mindepth 1 -delete
    (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password)
    initdb --username="$user" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    printf "listen_addresses = '*'\njit = off\n" >>"$PGDATA/postgresql.conf"
    if [ "$database" != postgres ]; then
        echo "CREATE DATABASE \"$database\"" | postgres --single -j postgres >/dev/null
    fi
    touch "$PGDATA/.complete"
fi

exec postgres "$@"
