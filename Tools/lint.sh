#!/usr/bin/env bash
# What swift format does not look for.
set -eu
cd "$(dirname "$0")/.."
status=0
complain() {
    echo "lint: $1" >&2
    status=1
}
# Shipping modules stay free of Foundation's weight; FoundationEssentials is for JSON alone.
if grep -rnE '^(package |public )?import Foundation$' Modules; then complain "a shipping module imports Foundation"; fi
# Only the floor calls libc; FUSE needs its types beside libfuse's.
if grep -rlE '^(package )?import (Glibc|CLinux)$' Modules | grep -vE '^Modules/(System|FUSE|MediaWorker|Control)/'; then
    complain "a module other than System calls libc"
fi
# Origins are opened for reading alone.
if grep -rnE '\.(write|readWrite|create|truncate|append)\b' Modules/Origins Modules/Sync | grep -vE '//|writer|\.write\(|append\('; then
    complain "an origin could be opened for writing"
fi
# Rooms stay small.
while IFS= read -r file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 450 ]; then complain "$file has $lines lines; look for the second thing that it does"; fi
done < <(git ls-files 'Modules/*.swift' 'Tools/*.swift')
if grep -rnE '\b(TODO|FIXME)\b' Modules Tests Tools --include='*.swift' --include='*.c' --include='*.cpp'; then
    complain "unfinished work"
fi
exit $status
