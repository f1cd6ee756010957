#!/usr/bin/env bash
# Write the lock files anew from pyproject.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

for lock in requirements.lock "requirements-dev.lock --group dev"; do
    # shellcheck disable=SC2086 # the group is a word of its own
    .venv/bin/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header \
        --no-emit-index-url --no-emit-find-links pyproject.toml -o $lock
done
