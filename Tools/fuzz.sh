#!/usr/bin/env bash
# Builds the fuzz targets with libFuzzer and the address sanitizer, and runs each for some seconds.
# Leaks are not looked for: what is made once and kept would be reported.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-30}
export MUSICFS_FUZZ=1
# SwiftPM alone leaves our own modules without counters, and the fuzzer blind.
coverage="-Xswiftc -sanitize=fuzzer -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table"
swift build -c release --scratch-path .build/fuzz --sanitize=address --sanitize=fuzzer \
    $coverage -Xswiftc -parse-as-library -Xswiftc -use-ld=lld --product fuzz-template 2>&1 | tail -n 1
for target in template protocol journal configuration control query collection; do
    swift build -c release --scratch-path .build/fuzz --sanitize=address --sanitize=fuzzer \
        $coverage -Xswiftc -parse-as-library -Xswiftc -use-ld=lld --product "fuzz-$target" 2>&1 | tail -n 1
    mkdir -p ".build/fuzz/corpus-$target"
    log=.build/fuzz/$target.log
    if ! SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 ".build/fuzz/release/fuzz-$target" -max_total_time="$seconds" -max_len=8192 \
        -rss_limit_mb=2048 -detect_leaks=0 -artifact_prefix=.build/fuzz/ ".build/fuzz/corpus-$target" >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "fuzz-$target found something: $log"
        exit 1
    fi
    # Without this line nothing was instrumented, and the run would mean nothing.
    grep -q 'INFO: Loaded 1 modules' "$log" || { echo "fuzz-$target is not instrumented"; exit 1; }
    if grep -q 'no interesting inputs' "$log"; then echo "fuzz-$target sees nothing of the code"; exit 1; fi
    echo "fuzz-$target: $(grep -E '^Done' "$log" || tail -n 1 "$log")"
done
