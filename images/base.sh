#!/usr/bin/env bash
# Make sure that there is an image debian:trixie-slim: the one that is here, else the registry's, else one made by debootstrap from
# the Debian mirror this machine uses, with this machine's extra certificate authorities.
set -euo pipefail

readonly IMAGE=debian:trixie-slim SUITE=trixie
readonly PULL_SECONDS=180 # the image is 30 MB

say() { printf '  %s\n' "$*"; }
fail() { printf 'make: %s\n' "$@" >&2; exit 1; }

mirror() { # the one apt uses here; nothing where this is not Debian: debootstrap has its own default
    command -v apt-get >/dev/null || return 0
    apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | sed -n '1{s,/$,,;p}'
}

need_debootstrap() {
    command -v debootstrap >/dev/null && return
    say "installing debootstrap"
    command -v apt-get >/dev/null && apt-get -qq update >/dev/null && apt-get -qq install -y debootstrap >/dev/null && return
    fail "no registry can be reached, and debootstrap is missing: install it, or load an image named $IMAGE"
}

trust_what_this_machine_trusts() { # root
    local own=/usr/local/share/ca-certificates
    mkdir -p "$1$own"
    find "$own" -name '*.crt' -exec cp -t "$1$own" {} + 2>/dev/null || true
    chroot "$1" update-ca-certificates >/dev/null 2>&1
    local bundle=${SSL_CERT_FILE:-}
    if [[ -r $bundle ]]; then cat "$bundle" >>"$1/etc/ssl/certs/ca-certificates.crt"; fi
}

slim() { # root
    printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$1/etc/dpkg/dpkg.cfg.d/slim"
    printf 'Acquire::Languages "none";\n' >"$1/etc/apt/apt.conf.d/slim"
    rm -rf "$1"/usr/share/{doc,man,locale,info}/* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*
}

bootstrap() {
    [[ $(id -u) == 0 ]] || fail "no registry can be reached: run this once as root to make $IMAGE with debootstrap, or load an image of that name"
    need_debootstrap
    local root mirror
    mirror=$(mirror)
    root=$(mktemp -d)
    trap 'rm -rf "$root"' RETURN
    say "no registry can be reached: making $IMAGE with debootstrap (about a minute)"
    debootstrap --variant=minbase --include=ca-certificates,python3 "$SUITE" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; fail "debootstrap failed; its log is $root.log"; }
    rm -f "$root.log"
    trust_what_this_machine_trusts "$root"
    slim "$root"
    tar -C "$root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -c . |
        docker import -c 'CMD ["bash"]' - "$IMAGE" >/dev/null
}

docker image inspect "$IMAGE" >/dev/null 2>&1 && exit
say "fetching $IMAGE"
timeout "$PULL_SECONDS" docker pull -q "$IMAGE" >/dev/null 2>&1 || bootstrap
