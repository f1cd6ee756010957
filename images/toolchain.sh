#!/usr/bin/env bash
# Make sure that this machine has what a build needs: a Docker Engine that answers, the compose and buildx plugins of its command
# line, and the base image. What is missing is fetched; what cannot be fetched is named. Quick when all is there.
set -euo pipefail

readonly PLUGINS=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins # where the docker command looks first
readonly WANTED=(compose:docker-compose buildx:docker-buildx) # plugin:package of Debian

say() { printf '  %s\n' "$*"; }
fail() { printf 'make: %s\n' "$@" >&2; exit 1; }

missing() {
    local pair
    for pair in "${WANTED[@]}"; do
        docker "${pair%%:*}" version >/dev/null 2>&1 || printf '%s\n' "${pair##*:}"
    done
}

# Debian's packages hold static programs that run on any Linux; apt checks their signatures inside the base image.
fetch_plugins() { # packages
    say "fetching $* from Debian into $PLUGINS"
    mkdir -p "$PLUGINS"
    docker run --rm debian:trixie-slim sh -ec '
        cd /tmp && apt-get -qq update >&2 && apt-get -qq download "$@" >&2
        for package in *.deb; do dpkg-deb -x "$package" unpacked; done
        cd unpacked/usr/libexec/docker/cli-plugins && tar -c .' sh "$@" | tar -C "$PLUGINS" -x --no-same-owner
}

command -v docker >/dev/null || fail "the docker command is missing: install Docker Engine 20.10 or newer (https://docs.docker.com/engine/install/)"
docker version >/dev/null 2>&1 || fail "Docker Engine does not answer: start it, and see that $(id -un) may use it (group docker)"

mapfile -t packages < <(missing)
"$(dirname "$0")/base.sh"
if ((${#packages[@]})); then
    fetch_plugins "${packages[@]}" || fail "could not fetch ${packages[*]}: install the Docker plugins compose (2.24 or newer) and buildx"
    mapfile -t packages < <(missing)
    ((${#packages[@]} == 0)) || fail "not found after installation: ${packages[*]}"
fi
