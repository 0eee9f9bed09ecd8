#!/usr/bin/env bash
# Words that must not be in the tree: notes to oneself, this machine's paths, mirrors of packages.
set -eu
. t/check/lib.sh

text() { # text GREP-OPTION... PATTERN: the tree but for what is built
    grep -rnI --exclude-dir=.git --exclude-dir=build --exclude=words.t "$@" . | sed 's|^\./||' || true
}

# Package mirrors and registries that this machine uses, one a line.
hosts() {
    {
        grep -rhoE 'https?://[^/ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true
        ! command -v npm >/dev/null || npm config get registry 2>/dev/null || true
    } | sed 's|.*://||; s|[/:].*||; s|.*@||' | sort -u
}

text -wE 'TODO|FIXME|XXX' | rule "no TODO, FIXME, XXX"
text -F "$(pwd -P)/" | rule "no path of this checkout"
hosts | while read -r host; do
    text -F "$host"
done | rule "no host of a package mirror or registry"
rules_done
