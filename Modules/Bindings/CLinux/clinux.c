#include "CLinux.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <malloc.h>

#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/timex.h>

int clinux_errno(void) { return errno; }

int clinux_stat(const char *path, struct stat *status) { return stat(path, status); }

int clinux_statfs(const char *path, struct statfs *status) { return statfs(path, status); }

int clinux_openat(int dirfd, const char *path, int flags, unsigned mode) { return openat(dirfd, path, flags, mode); }

int clinux_fcntl_int(int fd, int command, int argument) { return fcntl(fd, command, argument); }

int clinux_ioctl_pointer(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }

long clinux_getdents64(int fd, void *buffer, unsigned long size) { return syscall(SYS_getdents64, fd, buffer, size); }

int clinux_pidfd_open(int pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, (void *)0, 0);
}

int clinux_gettid(void) { return (int)syscall(SYS_gettid); }

int clinux_tgkill(int pid, int tid, int signal) { return (int)syscall(SYS_tgkill, pid, tid, signal); }

int clinux_open_tree(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, dirfd, path, flags);
}

// struct mount_attr of mount_setattr(2), declared here because glibc's and the kernel's headers clash.
struct clinux_mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};

int clinux_mount_setattr_readonly_noatime(int dirfd, unsigned flags) {
    struct clinux_mount_attr attr = {
        .attr_set = 0x00000001 /* MOUNT_ATTR_RDONLY */ | 0x00000010 /* MOUNT_ATTR_NOATIME */,
        .attr_clr = 0x00000070 /* MOUNT_ATTR__ATIME */,
        .propagation = 0,
        .userns_fd = 0,
    };
    return (int)syscall(442 /* SYS_mount_setattr */, dirfd, "", 0x1000 /* AT_EMPTY_PATH */ | flags, &attr, sizeof attr);
}

struct clinux_open_how {
    uint64_t flags, mode, resolve;
};

int clinux_openat2_beneath(int dirfd, const char *path, int flags, unsigned long long resolve) {
    struct clinux_open_how how = {.flags = (uint64_t)flags, .mode = 0, .resolve = resolve};
    return (int)syscall(437 /* SYS_openat2 */, dirfd, path, &how, sizeof how);
}

int clinux_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

// struct fuse_backing_map, Linux 6.9.
struct clinux_fuse_backing_map {
    int32_t fd;
    uint32_t flags;
    uint64_t padding;
};

int clinux_fuse_backing_open(int device, int fd) {
    struct clinux_fuse_backing_map map = {.fd = fd, .flags = 0, .padding = 0};
    return ioctl(device, _IOW(229, 1, struct clinux_fuse_backing_map), &map);
}

int clinux_fuse_backing_close(int device, unsigned backing_id) {
    uint32_t id = backing_id;
    return ioctl(device, _IOW(229, 2, uint32_t), &id);
}

enum { MAX_FDS = 253 };

long clinux_send_with_fds(int socket, const void *data, unsigned long size, const int *fds, unsigned count, int flags) {
    if (count > MAX_FDS) {
        errno = EINVAL;
        return -1;
    }
    struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count > 0) {
        memset(&control, 0, CMSG_SPACE(sizeof(int) * count));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    return sendmsg(socket, &message, flags | MSG_NOSIGNAL);
}

long clinux_receive_with_fds(int socket, void *data, unsigned long size, int *fds, unsigned *count, int flags) {
    struct iovec iov = {.iov_base = data, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    unsigned room = *count;
    *count = 0;
    long received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    if (received < 0)
        return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        unsigned arrived = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (unsigned i = 0; i < arrived; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + sizeof(int) * i, sizeof(int));
            if (*count < room)
                fds[(*count)++] = fd;
            else
                close(fd);
        }
    }
    return received;
}

int clinux_wifexited(int status) { return WIFEXITED(status); }
int clinux_wexitstatus(int status) { return WEXITSTATUS(status); }
int clinux_wifsignaled(int status) { return WIFSIGNALED(status); }
int clinux_wtermsig(int status) { return WTERMSIG(status); }

char **clinux_environment(void) { return environ; }

uint64_t clinux_atomic_load_u64(const void *pointer) { return __atomic_load_n((const uint64_t *)pointer, __ATOMIC_SEQ_CST); }
void clinux_atomic_store_u64(void *pointer, uint64_t value) { __atomic_store_n((uint64_t *)pointer, value, __ATOMIC_SEQ_CST); }
uint64_t clinux_atomic_add_u64(void *pointer, uint64_t value) { return __atomic_add_fetch((uint64_t *)pointer, value, __ATOMIC_SEQ_CST); }
uint32_t clinux_atomic_load_u32(const void *pointer) { return __atomic_load_n((const uint32_t *)pointer, __ATOMIC_SEQ_CST); }
void clinux_atomic_store_u32(void *pointer, uint32_t value) { __atomic_store_n((uint32_t *)pointer, value, __ATOMIC_SEQ_CST); }

static _Thread_local void *thread_context;
void *clinux_thread_context(void) { return thread_context; }
void clinux_set_thread_context(void *context) { thread_context = context; }

void clinux_set_errno(int value) { errno = value; }
int clinux_forbid_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int clinux_keep_capabilities(uint64_t mask) {
    // Without CAP_SETPCAP this fails; then nothing that this process could start would get any of them either.
    for (int capability = 0; capability < 64; capability++)
        if (!(mask >> capability & 1)) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) != 0) return -1;
    for (int half = 0; half < 2; half++) {
        uint32_t kept = (uint32_t)(mask >> (32 * half));
        sets[half].effective &= kept;
        sets[half].permitted &= kept;
        sets[half].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, sets);
}

static int resource_of(enum clinux_limit limit) {
    return limit == CLINUX_RLIMIT_CORE ? RLIMIT_CORE : limit == CLINUX_RLIMIT_NOFILE ? RLIMIT_NOFILE : RLIMIT_AS;
}

int clinux_set_limit(enum clinux_limit limit, uint64_t value) {
    struct rlimit limits = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource_of(limit), &limits);
}

uint64_t clinux_get_limit(enum clinux_limit limit) {
    struct rlimit limits;
    if (getrlimit(resource_of(limit), &limits) != 0 || limits.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    return limits.rlim_cur;
}

long clinux_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    return limit.rlim_cur > 0x7fffffff ? 0x7fffffff : (long)limit.rlim_cur;
}

int clinux_clock_is_synchronised(void) {
    struct timex time = {0};
    // TIME_ERROR: the kernel was not told that the clock is right (adjtimex(2)).
    return adjtimex(&time) != TIME_ERROR;
}

void clinux_release_free_memory(void) { malloc_trim(0); }

void clinux_set_name(const char *name) { prctl(PR_SET_NAME, name); }

static long long milliseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// Connects one socket; 0, or the error.
static int connect_until(int fd, const struct sockaddr *address, socklen_t size, long long deadline) {
    if (connect(fd, address, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    for (;;) {
        long long left = deadline - milliseconds_now();
        if (left <= 0)
            return ETIMEDOUT;
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        int ready = poll(&entry, 1, left > 60000 ? 60000 : (int)left);
        if (ready < 0 && errno != EINTR)
            return errno;
        if (ready > 0)
            break;
    }
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

int clinux_connect_tcp(
    const char *host, const char *port, int milliseconds, char *address, unsigned address_size) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    long long deadline = milliseconds_now() + milliseconds;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -2;
    int error = EHOSTUNREACH;
    for (struct addrinfo *next = found; next != NULL; next = next->ai_next) {
        int fd = socket(next->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            error = errno;
            continue;
        }
        error = connect_until(fd, next->ai_addr, next->ai_addrlen, deadline);
        if (error == 0) {
            int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
            getnameinfo(next->ai_addr, next->ai_addrlen, address, address_size, NULL, 0, NI_NUMERICHOST);
            freeaddrinfo(found);
            return fd;
        }
        close(fd);
    }
    freeaddrinfo(found);
    errno = error;
    return -1;
}

int clinux_listen_tcp(const char *host, const char *port, int backlog, int *bound) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // What a predecessor's connections left in TIME_WAIT must not keep a successor out.
    int on = 1;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int failed = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
                 bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, backlog) < 0 ||
                 getsockname(fd, (struct sockaddr *)&address, &size) < 0;
    int error = errno;
    freeaddrinfo(found);
    if (failed) {
        if (fd >= 0)
            close(fd);
        errno = error;
        return -1;
    }
    *bound = ntohs(
        address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                      : ((struct sockaddr_in *)&address)->sin_port);
    return fd;
}
