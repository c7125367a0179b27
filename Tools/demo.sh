#!/usr/bin/env bash
# Mounts a small generated library, shows the tree, compares every file with its original, and unmounts.
set -eu
programs=$1
sample=$2
rm -rf "$sample"
mkdir -p "$sample/mount" "$sample/cache" "$sample/state"
"$programs/musicfs-libgen" "$sample/library" --sample
"$programs/musicfs" mount "$sample/mount" --origin "$sample/library" --cache-dir "$sample/cache" \
    --state-dir "$sample/state" --name demo --daemon
trap '"$programs/musicfs" unmount "$sample/mount"' EXIT
"$programs/musicfs" scan --name demo
find "$sample/mount" -maxdepth 2 | sort | head -n 40
count=0
while IFS= read -r -d '' file; do
    original=$(getfattr --only-values -n user.musicfs.real_path "$file" 2>/dev/null ||
        python3 -c 'import os,sys; sys.stdout.write(os.getxattr(sys.argv[1], "user.musicfs.real_path").decode())' "$file")
    cmp "$file" "$original"
    count=$((count + 1))
done < <(find "$sample/mount" -type f -print0)
"$programs/musicfs" status --name demo
echo "$count files shown by their tags, each equal to its original"
