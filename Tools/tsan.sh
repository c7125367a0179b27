#!/usr/bin/env bash
# Builds everything with the thread sanitizer, and runs the tests with it, suite by suite; all suites, or those that are named, such as
# `Tools/tsan.sh CoreTests EndToEndTests/CrashTests`. Fails at a failed test, and at any report of any process that a test started.
set -eu
cd "$(dirname "$0")/.."
scratch=$PWD/.build/tsan
swift=${SWIFT:-swift}
jobs=${JOBS:+-j $JOBS}
rm -rf "$scratch/reports"
mkdir -p "$scratch"

# Units first: what they find is easiest to read. Left out are suites of what has one thread, and ScaleTests, which takes too long.
units="SystemTests CoreTests SQLiteTests CacheTests CASTests MetadataTests SearchTests OriginsTests SyncTests FUSETests ControlTests DaemonTests"
mounts=$(grep -rhoE '(struct|class) [A-Za-z]+Tests' Tests/EndToEndTests | sed 's/.* //' | sort -u |
    grep -vxE 'ScaleTests|OpenAPITests|UnitFileTests')
suites=("$@")
if [ "${#suites[@]}" = 0 ]; then
    for suite in $units; do suites+=("$suite"); done
    for suite in $mounts; do suites+=("EndToEndTests/$suite"); done
fi

# Reports go to files: a server's standard error is read by its test, or by nobody. Some daemons are of nobody's, so everybody may
# write there. A report changes neither how a process goes on nor how it ends, since the guardian would replace it: it is this script
# that fails.
reports=$(mktemp -d "${TMPDIR:-/tmp}/musicfs-tsan.XXXXXX")
chmod 1777 "$reports"
trap 'rm -rf "$reports"' EXIT
export TSAN_OPTIONS="log_path=$reports/report log_exe_name=1 halt_on_error=0 exitcode=0 history_size=4"
# Swift's backtracer waits for ever for a process of which the sanitizer has made an end.
export SWIFT_BACKTRACE=enable=no
# What a machine lacks is a failure: skipped tests would look like passed ones.
export CI=true
# How many times longer tests wait for what should come.
export MUSICFS_TEST_PATIENCE=${MUSICFS_TEST_PATIENCE:-4}

# Named after what is in it: SwiftPM does not look at whether it has changed.
mutex=$scratch/mutex-$(cksum <Tools/Sanitizer/mutex.c | cut -d" " -f1).o
"${CC:-clang}" -O1 -g -Wall -Werror -c Tools/Sanitizer/mutex.c -o "$mutex"
"$swift"c -sanitize=thread -swift-version 6 -g Tools/Sanitizer/canary.swift -o "$scratch/canary" -Xlinker "$mutex"
"$scratch/canary" locked
if [ -n "$(ls "$reports")" ]; then cat "$reports"/*; echo "tsan: a lock is not seen, so that reports would mean nothing"; exit 1; fi
"$scratch/canary" racing
if [ -z "$(ls "$reports")" ]; then echo "tsan: a race is not seen, so that silence would mean nothing"; exit 1; fi
rm "$reports"/*

"$swift" build --build-tests --sanitize=thread --scratch-path "$scratch" $jobs -Xlinker "$mutex"
# The media worker has one thread. The sanitizer needs more address space than the worker's RLIMIT_AS leaves, and system calls that its
# filter forbids, so that one stays as it is.
# musicfs-faultfs is the tests' own, and stands for a NAS.
plain="musicfs-media musicfs-faultfs"
for program in $plain; do "$swift" build --product "$program" $jobs; done
programs=$("$swift" build --show-bin-path --sanitize=thread --scratch-path "$scratch")
for program in $plain; do cp "$("$swift" build --show-bin-path)/$program" "$programs/$program"; done
nm "$programs/musicfs" | grep -q __tsan_init || { echo "tsan: musicfs is not instrumented"; exit 1; }

failed=0
for suite in "${suites[@]}"; do
    log=$scratch/${suite//\//-}.log
    filter="^${suite%%/*}\\."
    if [ "$suite" != "${suite%%/*}" ]; then filter="^${suite%%/*}\\..*/${suite#*/}/"; fi
    began=$SECONDS
    result=passed
    timeout -k 30 "${SUITE_SECONDS:-1800}" "$swift" test --skip-build --sanitize=thread --scratch-path "$scratch" \
        --filter "$filter" >"$log" 2>&1 || result="FAILED ($log)"
    # A name that is no suite's any more would pass for ever.
    if grep -q 'Test run with 0 tests' "$log"; then result="HAS NO TESTS"; fi
    found=$(cat "$reports"/* 2>/dev/null | grep -c '^WARNING: ThreadSanitizer' || true)
    echo "$suite: $result, $((SECONDS - began)) s, $found reports"
    if [ "$result" != passed ]; then
        grep -E '✘|[Ee]rror:' "$log" | cut -c1-400 | head -n 20 || true
        failed=1
    fi
    # Anything in a file is looked at, such as that the sanitizer itself gave up.
    for report in "$reports"/*; do
        [ -e "$report" ] || continue
        failed=1
        cat "$report"
        mkdir -p "$scratch/reports"
        mv "$report" "$scratch/reports/${suite//\//-}-${report##*/}"
    done
done
if [ "$failed" = 0 ]; then echo "no data race was found"; fi
exit $failed
