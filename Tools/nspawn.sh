#!/usr/bin/env bash
# The real units under the real systemd: boots a container of Debian 12 with the programs of a release build and the units of
# dist/, and has Tools/nspawn-checks.sh run in it. Exits 0 when all is well or the machine cannot do it (and says so), else 1.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-.build/release}
home=$PWD/.build/nspawn
root=$home/root
music=$home/music
skip() {
    echo "nspawn: SKIPPED: $1"
    exit 0
}
[ "$(id -u)" = 0 ] || skip "it takes root"
for program in systemd-nspawn debootstrap ffmpeg; do
    command -v "$program" >/dev/null || skip "$program is missing (apt-get install systemd-container debootstrap ffmpeg)"
done
[ -c /dev/fuse ] || skip "/dev/fuse is missing"

packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,util-linux,procps,python3-minimal,fuse3,libfuse3-3
packages+=,libsqlite3-0,libtag1v5,libcurl4,libssh2-1,libexpat1,libmicrohttpd12,libunistring2,libseccomp2,libxxhash0
packages+=,libtomlplusplus3,libstdc++6
if [ "$(cat "$home/packages" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$root"
    mkdir -p "$home"
    echo "nspawn: making a Debian 12 in $root"
    debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$home/debootstrap.log" 2>&1 ||
        skip "debootstrap failed: $(tail -1 "$home/debootstrap.log")"
    echo "$packages" >"$home/packages"
fi

if [ ! -e "$music/4.flac" ]; then
    mkdir -p "$music"
    for n in 1 2 3 4; do
        ffmpeg -v error -y -f lavfi -i "anoisesrc=duration=20:seed=$n" -metadata artist=A -metadata album=B \
            -metadata title="T$n" -metadata track="$n" -c:a flac "$music/$n.flac"
    done
fi
# Where the machine's own is for root alone, as no Debian has it.
[ -e "$home/fuse" ] || mknod -m 666 "$home/fuse" c 10 229 || skip "no device node can be made"

rm -rf "$root"/etc/musicfs "$root"/var/lib/musicfs "$root"/var/cache/musicfs "$root"/var/log/journal "$root"/home/listener \
    "$root"/checks.log "$root"/etc/systemd/system/musicfs*
install -d "$root"/usr/lib/{systemd/{system,user},sysusers.d,tmpfiles.d} "$root"/etc/musicfs "$root"/srv/{music,by-tags,two}
install -m 755 "$build/musicfs" "$build/musicfs-media" "$root/usr/bin"
install -m 644 dist/systemd/*.service "$root/usr/lib/systemd/system"
install -m 644 dist/systemd/user/*.service "$root/usr/lib/systemd/user"
install -m 644 dist/sysusers.d/* "$root/usr/lib/sysusers.d"
install -m 644 dist/tmpfiles.d/* "$root/usr/lib/tmpfiles.d"
install -m 644 dist/systemd/hardened.conf "$root/root/hardened.conf"
install -m 755 Tools/nspawn-checks.sh "$root/usr/local/bin/musicfs-checks"
cat >"$root/etc/systemd/system/musicfs-checks.service" <<'END'
[Unit]
After=multi-user.target systemd-user-sessions.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/usr/local/bin/musicfs-checks
StandardOutput=append:/checks.log
StandardError=append:/checks.log
TimeoutStartSec=300
END
install -d "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../musicfs-checks.service "$root/etc/systemd/system/multi-user.target.wants/"

timeout 400 systemd-nspawn --quiet --register=no --keep-unit --directory="$root" --boot --machine=musicfs-checks \
    --bind="$home/fuse:/dev/fuse" --bind-ro="$music:/srv/music" --console=pipe </dev/null >"$home/console.log" 2>&1 || true
[ -s "$root/checks.log" ] || {
    tail -5 "$home/console.log"
    skip "the container does not boot; see $home/console.log"
}
cat "$root/checks.log"
grep -q '^all checks passed$' "$root/checks.log" || {
    echo "nspawn: FAILED"
    exit 1
}
