#!/bin/sh
# What each service has of its own, in /parts: its package and the bundle that it starts from (kernel/runtime/bundle.py). While the bundle is made, /app
# holds what the service's image will: the kernel and the service, in admin also the schemas of all. A service that needs more is found out here.
set -eu

part() {
    mkdir -p "/parts/$1"
    mv "/programs/$1" "services/$1"
    python -m services.kernel.runtime.bundle "$1" "/parts/$1/bundle"
    mv "services/$1" "/parts/$1/$1"
}

mv /programs/admin /admin
for main in /programs/*/__main__.py; do
    part "$(basename "$(dirname "$main")")"
done
cp -r /schemas/services .
mv /admin /programs/admin
part admin
