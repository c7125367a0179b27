// What the Glibc module does not show: calls behind _GNU_SOURCE, macros, variadics and raw system calls.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <features.h>
// Two types look different under _GNU_SOURCE from what the Glibc module shows, and one program may not hold both
// definitions: they are included here without it.
#undef __USE_XOPEN
#include <sys/select.h>
#define __USE_XOPEN 1
#undef __USE_GNU
#include <sys/resource.h>
#define __USE_GNU 1

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <linux/mount.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int clinux_errno(void);
int clinux_stat(const char *path, struct stat *status);
int clinux_statfs(const char *path, struct statfs *status);
int clinux_openat(int dirfd, const char *path, int flags, unsigned mode);
int clinux_fcntl_int(int fd, int command, int argument);
int clinux_ioctl_pointer(int fd, unsigned long request, void *argument);
long clinux_getdents64(int fd, void *buffer, unsigned long size);
// A TCP connection to the first of a host's addresses that answers, within so many milliseconds altogether; without delay
// and with keep-alive. -1 with errno, or -2 where the name has no address. `address` (46 bytes or more) gets the one that
// answered.
int clinux_connect_tcp(
    const char *host, const char *port, int milliseconds, char *address, unsigned address_size);
// A listening stream socket of a numeric address; the port that it got goes to `bound`. -1 with errno.
int clinux_listen_tcp(const char *host, const char *port, int backlog, int *bound);
int clinux_pidfd_open(int pid, unsigned flags);
int clinux_pidfd_send_signal(int pidfd, int signal);
int clinux_gettid(void);
int clinux_tgkill(int pid, int tid, int signal);
int clinux_open_tree(int dirfd, const char *path, unsigned flags);
int clinux_mount_setattr_readonly_noatime(int dirfd, unsigned flags);
int clinux_openat2_beneath(int dirfd, const char *path, int flags, unsigned long long resolve);
int clinux_set_parent_death_signal(int signal);

// Kernel constants that arrived after Debian 12's headers; values from include/uapi/linux/fuse.h of Linux 6.9.
enum {
    CLINUX_FOPEN_PASSTHROUGH = 1 << 7,
    CLINUX_OPEN_TREE_CLONE = 1,
    CLINUX_OPEN_TREE_CLOEXEC = O_CLOEXEC,
};
int clinux_fuse_backing_open(int device, int fd);
int clinux_fuse_backing_close(int device, unsigned backing_id);

// Message with up to 253 descriptors; returns bytes, or -1 with errno.
long clinux_send_with_fds(int socket, const void *data, unsigned long size, const int *fds, unsigned count, int flags);
// `*count` is the room in `fds` on entry and what arrived on return; descriptors are close-on-exec.
long clinux_receive_with_fds(int socket, void *data, unsigned long size, int *fds, unsigned *count, int flags);

// The wait-status macros.
int clinux_wifexited(int status);
int clinux_wexitstatus(int status);
int clinux_wifsignaled(int status);
int clinux_wtermsig(int status);

// The environment of this process, for posix_spawn.
char **clinux_environment(void);

// Atomic access to memory that is shared with another process; the pointer must be aligned.
uint64_t clinux_atomic_load_u64(const void *pointer);
void clinux_atomic_store_u64(void *pointer, uint64_t value);
uint64_t clinux_atomic_add_u64(void *pointer, uint64_t value);
uint32_t clinux_atomic_load_u32(const void *pointer);
void clinux_atomic_store_u32(void *pointer, uint32_t value);

// One pointer for each thread.
void *clinux_thread_context(void);
void clinux_set_thread_context(void *context);

void clinux_set_errno(int value);
int clinux_forbid_new_privileges(void);
// Gives up all capabilities but those in `mask` (bit n is capability n of capabilities(7)), those that a program started by
// this thread would get included. For a process of one thread. 0, or -1 with errno.
int clinux_keep_capabilities(uint64_t mask);
// By our own names, since glibc's come in two shapes (see the top).
/// Raises the soft limit of open files to the hard one, and gives what it is then; -1 when that cannot be told.
long clinux_raise_descriptor_limit(void);

/// Whether something keeps the system's clock right.
int clinux_clock_is_synchronised(void);

void clinux_release_free_memory(void);
void clinux_set_name(const char *name);

enum clinux_limit { CLINUX_RLIMIT_CORE, CLINUX_RLIMIT_NOFILE, CLINUX_RLIMIT_AS };
int clinux_set_limit(enum clinux_limit limit, uint64_t value);
/// The soft limit; UINT64_MAX for none, or when it cannot be told.
uint64_t clinux_get_limit(enum clinux_limit limit);
