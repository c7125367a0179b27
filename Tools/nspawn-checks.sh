#!/usr/bin/env bash
# Runs in the container of Tools/nspawn.sh, as root. A line for each check; exits 1 when one has failed.
set -u
failed=0
check() { # WHAT COMMAND...
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok    $what"
    else
        echo "FAIL  $what: $* ${output:+-> ${output:0:600}}"
        failed=1
    fi
}
equal() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
eventually() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { "$@"; return 1; }
        sleep 0.1
    done
}
show() { systemctl show -p "$1" --value "${2:-musicfs}"; }
mounted() { grep -q " $1 fuse.musicfs " /proc/self/mounts; }
unmounted() { ! mounted "$1"; }
device() { stat -c %d /srv/by-tags; }
server() { musicfs status --name by-tags --json | sed -n 's/.*"pid" *: *\([0-9]*\).*/\1/p' | head -1; }
field() { sed -n "s/^$2:\s*//p" "/proc/$1/status"; }
has_started() { [ "$(show ActiveState)" = active ] && [ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ]; }
equal_state() { [ "$(show SubState)" = "$1" ]; }
is_inactive() { [ "$(show ActiveState)" = inactive ]; }
has_tags() { musicfs info --name by-tags --json /srv/by-tags/1.flac | grep -q '"T1"'; }
tracks() { [ "$(find /srv/by-tags -name '*.flac' | wc -l)" = 4 ]; }
logged() { journalctl -u "${2:-musicfs}" --no-pager | grep -q -- "$1"; }

cat >/root/reader.py <<'END'
# Reads files that are open all the time and newly opened ones, until /root/reading is gone; then tells of every error.
import os, random, time
real = {f"/srv/by-tags/{n}.flac": f"/srv/music/{n}.flac" for n in range(1, 5)}
held = {f: os.open(f, os.O_RDONLY) for f in real}
kept = {f: os.open(real[f], os.O_RDONLY) for f in real}
errors, reads, worst = [], 0, 0
open("/root/reading", "w").close()
while os.path.exists("/root/reading"):
    for f in real:
        begin = time.monotonic()
        try:
            at = random.randrange(os.fstat(kept[f]).st_size)
            os.posix_fadvise(held[f], 0, 0, os.POSIX_FADV_DONTNEED)
            if os.pread(held[f], 100000, at) != os.pread(kept[f], 100000, at): errors.append("bytes")
            with open(f, "rb") as file:
                file.seek(at)
                if file.read(1000) != os.pread(kept[f], 1000, at): errors.append("bytes of a new open")
            os.listdir("/srv/by-tags")
            reads += 1
        except OSError as error:
            errors.append(str(error))
        worst = max(worst, time.monotonic() - begin)
        time.sleep(0.01)
print(f"errors {errors[:3]}; {reads} reads, the longest took {worst:.1f} s")
END
start_reading() {
    python3 /root/reader.py >/root/read.log 2>&1 &
    eventually 10 test -e /root/reading
}
# A check runs in a subshell, which cannot wait for the reader.
stop_reading() {
    sleep 0.5
    rm -f /root/reading
    eventually 30 grep -q . /root/read.log
    grep -q '^errors \[\]' /root/read.log || { cat /root/read.log; return 1; }
}

echo "$(systemctl --version | head -1), kernel $(uname -r)"
config() { # TEMPLATE
    cat <<END
mount_point = "/srv/by-tags"
[tree]
template = "$1"
[fuse]
allow_other = true
[[origins]]
id = "disk"
type = "local"
path = "/srv/music"
END
}
config '$title.$format' | sed 's/\$title/%right{$title,1}/' >/etc/musicfs/config.toml

check "the units are valid" equal "" "$(systemd-analyze verify --man=no /usr/lib/systemd/system/musicfs.service \
    /usr/lib/systemd/system/musicfs@.service 2>&1)"
check "sysusers.d made the user" id musicfs
check "tmpfiles.d made the directory of sockets" test -d /run/musicfs
echo "      $(systemd-analyze security musicfs.service --no-pager 2>/dev/null | tail -1)"
check "exposure is no more than that of its privileges" systemd-analyze security --threshold=80 musicfs.service

# Start.
chown musicfs: /srv/by-tags
check "start" systemctl start musicfs
check "it is active" equal "$(show ActiveState)" active
check "the mount is there, in the namespace of all" mounted /srv/by-tags
check "four tracks" eventually 20 tracks
check "another user reads" runuser -u nobody -- cmp /srv/by-tags/1.flac /srv/music/1.flac
guardian=$(show MainPID)
check "the guardian runs as musicfs" equal "$(ps -o user= -p "$guardian")" musicfs
check "the guardian has CAP_SYS_ADMIN and nothing else" equal "$(field "$guardian" CapEff)" 0000000000200000
check "the server has no capability" equal "$(field "$(server)" CapEff)$(field "$(server)" CapPrm)" \
    00000000000000000000000000000000
check "no NoNewPrivileges for the guardian" equal "$(field "$guardian" NoNewPrivs)" 0
check "no mount namespace of its own" equal "$(readlink "/proc/$guardian/ns/mnt")" "$(readlink /proc/1/ns/mnt)"
check "systemd keeps the device and the journal" equal "$(show NFileDescriptorStore)" 2
check "the status is told" equal "$(show StatusText)" "serving /srv/by-tags"
check "the log is in the journal" logged "serving"
echo "      plan: $(musicfs info --name by-tags --json /srv/by-tags/1.flac | tr -d ' \n' | sed -n 's/.*"plan":"\([a-z]*\)".*/\1/p')"
while read -r name value; do check "$name" equal "$(show "$name")" "$value"; done <<'END'
Type notify
NotifyAccess all
MemoryHigh 2147483648
MemoryMax 4294967296
LimitNOFILE 65536
TasksMax 4096
CPUQuotaPerSecUSec 2s
IOSchedulingClass 2
IOSchedulingPriority 4
OOMScoreAdjust 200
WatchdogUSec 30s
RestartUSec 5s
Restart on-failure
OOMPolicy continue
FileDescriptorStoreMax 8
KillMode mixed
END
# As far as the machine lets systemd go.
most=$(awk '/Max open files/ { print $5 }' /proc/1/limits)
check "open files of the process" equal "$(awk '/Max open files/ { print $5 }' "/proc/$guardian/limits")" \
    $((most < 65536 ? most : 65536))
check "the kernel's bias at a lack of memory" equal "$(cat "/proc/$guardian/oom_score_adj")" 200

# Reload.
before=$(server)
config '$title.$format' >/etc/musicfs/config.toml
check "reload" systemctl reload musicfs
check "the new template is in force" eventually 10 test -e /srv/by-tags/T1.flac
check "by another server of the same guardian" test "$(show MainPID)" = "$guardian" -a "$(server)" != "$before"
echo 'nonsense = 1' >>/etc/musicfs/config.toml
check "a wrong configuration is refused" bash -c '! systemctl reload musicfs'
check "and changes nothing" test "$(show ActiveState)" = active -a -e /srv/by-tags/T1.flac
config '%right{$title,1}.$format' >/etc/musicfs/config.toml
check "reload again" systemctl reload musicfs
check "four tracks again" eventually 10 test -e /srv/by-tags/4.flac

# What dies.
before=$(device)
old=$(server)
start_reading
kill -9 "$old"
check "kill -9 of the server: another serves" eventually 10 bash -c "! grep -q . /proc/$old/status && systemctl is-active musicfs"
check "by the same guardian" equal "$(show MainPID)" "$guardian"
check "no reader noticed" stop_reading
echo "      $(cat /root/read.log)"

start_reading
kill -9 "$guardian"
check "kill -9 of the guardian: another starts" eventually 20 has_started "$guardian"
check "it took the mount over" logged "taking over a mount that was kept"
check "no reader noticed" stop_reading
echo "      $(cat /root/read.log)"
check "it is the same mount" equal "$(device)" "$before"
check "one restart" equal "$(show NRestarts)" 1

start_reading
guardian=$(show MainPID)
check "restart" systemctl restart musicfs
check "another guardian" has_started "$guardian"
check "no reader noticed" stop_reading
echo "      $(cat /root/read.log)"
check "it is the same mount" equal "$(device)" "$before"

check "upgrade" musicfs upgrade --name by-tags
guardian=$(show MainPID)
kill -9 "$guardian"
check "kill -9 of the upgraded guardian: another starts" eventually 20 has_started "$guardian"
check "it is the same mount" equal "$(device)" "$before"

# The watchdog; of 30 s, made 3 s here.
mkdir -p /run/systemd/system/musicfs.service.d
printf '[Service]\nWatchdogSec=3s\nRestartSec=1s\n' >/run/systemd/system/musicfs.service.d/watchdog.conf
systemctl daemon-reload
check "restart with a shorter watchdog" systemctl restart musicfs
sleep 4
guardian=$(show MainPID)
check "signs of life reach systemd" test "$(show ActiveState)" = active -a "$(show NRestarts)" = 0
start_reading
kill -STOP "$guardian"
check "a guardian that hangs is killed and followed" eventually 20 has_started "$guardian"
check "by the watchdog" logged "[Ww]atchdog timeout"
check "no reader noticed" stop_reading
echo "      $(cat /root/read.log)"
check "it is the same mount" equal "$(device)" "$before"
rm -r /run/systemd/system/musicfs.service.d
systemctl daemon-reload

# A stop in the seconds before the next guardian starts: systemd runs nothing, and lets go of the descriptors.
kill -9 "$(show MainPID)"
eventually 5 equal_state auto-restart
check "stop while it waits for its restart" systemctl stop musicfs
check "the next start clears what that left" systemctl start musicfs
check "four tracks" eventually 20 tracks
before=$(device)

# With more hardening.
mkdir -p /etc/systemd/system/musicfs.service.d
cp /root/hardened.conf /etc/systemd/system/musicfs.service.d/
systemctl daemon-reload
check "restart under hardened.conf" systemctl restart musicfs
echo "      $(systemd-analyze security musicfs.service --no-pager 2>/dev/null | tail -1)"
check "the server has no capability under it either" equal "$(field "$(server)" CapPrm)" 0000000000000000
check "by a guardian of its own" equal "$(field "$(show MainPID)" NoNewPrivs)" 1
check "it is the same mount" equal "$(device)" "$before"
check "a file is read" cmp /srv/by-tags/1.flac /srv/music/1.flac
check "stop under hardened.conf" systemctl stop musicfs
rm -rf /var/cache/musicfs/*
check "start under hardened.conf" systemctl start musicfs
check "four tracks" eventually 20 tracks
check "whose tags the workers have read" has_tags
rm -r /etc/systemd/system/musicfs.service.d
systemctl daemon-reload
check "restart without it" systemctl restart musicfs

# The end.
check "stop" systemctl stop musicfs
check "it is inactive, without failure" equal "$(show ActiveState) $(show Result)" "inactive success"
check "the mount is gone" unmounted /srv/by-tags
check "nothing is kept" equal "$(show NFileDescriptorStore)" 0
check "in order" logged "server: stopped milliseconds="
check "start after the stop" systemctl start musicfs
check "a new mount" mounted /srv/by-tags
check "musicfs shutdown" musicfs shutdown --name by-tags
check "is an end too" eventually 10 is_inactive
check "the mount is gone" unmounted /srv/by-tags

# A second instance beside the first.
sed 's|/srv/by-tags|/srv/two|' /etc/musicfs/config.toml >/etc/musicfs/two.toml
chown musicfs: /srv/two
check "two instances" systemctl start musicfs musicfs@two
check "both are mounted" eventually 5 bash -c 'grep -q " /srv/by-tags fuse" /proc/mounts && grep -q " /srv/two fuse" /proc/mounts'
check "restart of the second" systemctl restart musicfs@two
check "stop of the second" systemctl stop musicfs@two
check "is no harm to the first" musicfs status --name by-tags
check "the second is gone" unmounted /srv/two
systemctl stop musicfs

# A wrong configuration.
echo 'mount_point = ' >/etc/musicfs/two.toml
check "a wrong configuration is a failure" bash -c '! systemctl start musicfs@two'
check "that is not tried again" equal "$(show ActiveState musicfs@two) $(show ExecMainStatus musicfs@two)" "failed 78"

# A user's own.
id listener >/dev/null 2>&1 || useradd --uid 1234 listener
install -d -o listener /home/listener
as_user() { runuser -u listener -- env XDG_RUNTIME_DIR=/run/user/1234 "$@"; }
install -d -o listener /home/listener/.config{,/musicfs} /home/listener/by-tags
config '%right{$title,1}.$format' | sed -e 's|/srv/by-tags|/home/listener/by-tags|' -e '/allow_other/d' \
    >/home/listener/.config/musicfs/config.toml
check "the service manager of a user" systemctl start user@1234
user_main() { as_user systemctl --user show -p MainPID --value musicfs; }
user_follows() { as_user systemctl --user is-active musicfs && [ "$(user_main)" != "$1" ]; }
user_reads() { as_user cmp /home/listener/by-tags/1.flac /srv/music/1.flac; }
check "the user's unit is valid" equal "" "$(as_user systemd-analyze --user verify --man=no /usr/lib/systemd/user/musicfs.service 2>&1)"
check "start of the user's" as_user systemctl --user start musicfs
check "its owner reads" eventually 10 user_reads
number=$(as_user stat -c %d /home/listener/by-tags)
main=$(user_main)
kill -9 "$main"
check "kill -9 of its guardian" eventually 20 user_follows "$main"
check "its owner reads on" user_reads
check "restart of the user's" as_user systemctl --user restart musicfs
check "it is the same mount" equal "$(as_user stat -c %d /home/listener/by-tags)" "$number"
check "stop of the user's" as_user systemctl --user stop musicfs
check "the user's mount is gone" unmounted /home/listener/by-tags

[ $failed = 0 ] && echo "all checks passed" || journalctl -u musicfs -u 'musicfs@*' --no-pager | tail -80
exit $failed
