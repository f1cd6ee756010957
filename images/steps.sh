#!/usr/bin/env bash
# Read a build's plain progress and pass on the steps that do something: a step is shown once it has run for a second, its output at
# once; what comes from the cache is not shown.
set -euo pipefail

readonly NOISE='^$|^#0 |\] (load|resolve|FROM) |\[internal\]|(resolve|transferring|exporting|writing|naming|sha256:|extracting)|DONE 0\.[0-9]+s$'
held=""

show_held() {
    [[ -z $held ]] || printf '  %s\n' "$held"
    held=""
}

while true; do
    status=0
    IFS= read -r -t 1 line || status=$?
    if ((status > 128)); then show_held; continue; fi
    ((status == 0)) || break
    [[ $line =~ $NOISE ]] && continue
    if [[ $line =~ ^#[0-9]+\ \[ ]]; then
        show_held
        held=$line
    elif [[ $line =~ ^(#[0-9]+)\ CACHED && $held == "${BASH_REMATCH[1]} "* ]]; then
        held=""
    elif [[ ! $line =~ CACHED$ ]]; then
        show_held
        printf '  %s\n' "$line"
    fi
done
show_held
