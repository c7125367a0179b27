// musicfs-faultfs DIRECTORY MOUNTPOINT: shows a directory, read-only and never cached, through a file system that fails
// on command. It stands for a NAS in tests: statfs(2) calls it FUSE, which MusicFS takes for a network file system.
//
// It prints "ready" once it is mounted. Then each line of standard input is a command, answered by one line, "done" or
// "wrong: …"; the end of standard input unmounts. An operation is one of getattr, readdir, readlink, open, read and
// statfs; without one all are meant.
//
//   delay [OPERATION] MS                 operations take so long
//   hang [OPERATION] [interruptible]     operations wait until "ok"; or until their caller gets a signal
//   error [OPERATION] NAME               operations fail, with EIO, ESTALE, ENOTCONN, EACCES …; after ESTALE the kernel
//                                        tries a path once more by itself
//   short N                              reads give N bytes less than there are
//   empty                                the share is an empty directory
//   every K                              the faults hit each K-th operation only
//   prefix PATH                          the faults hit only what is at or below a path ("/Artist")
//   ok                                   no faults any more, and what waits goes on
//   stats                                the answer is JSON: operations, bytes, and opens, reads and bytes of each path
//   reset                                counts from 0 again
//
// Killed, it leaves a mount behind that answers ENOTCONN to everything.

#define FUSE_USE_VERSION 314
#include "faults.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <iostream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <thread>
#include <unistd.h>

static faults state;
static std::string root;
static std::atomic<bool> is_ending = false;

static bool is_interrupted() { return fuse_interrupted() != 0; }

static int begin(operation op, const char *path) { return state.begin(op, path, is_interrupted); }

static std::string real(const char *path) { return root + path; }

static void *fs_init(fuse_conn_info *connection, fuse_config *configuration) {
    // Each operation comes here, so that the counts are those of the program under test.
    configuration->attr_timeout = configuration->entry_timeout = configuration->negative_timeout = 0;
    configuration->kernel_cache = 0;
    configuration->direct_io = 1;
    configuration->use_ino = 1;
    connection->want &= ~FUSE_CAP_READDIRPLUS;
    std::cout << "ready" << std::endl;
    return nullptr;
}

static int fs_getattr(const char *path, struct stat *st, fuse_file_info *) {
    if (int error = begin(GETATTR, path)) return error;
    return lstat(real(path).c_str(), st) == 0 ? 0 : -errno;
}

static int fs_readlink(const char *path, char *target, size_t size) {
    if (int error = begin(READLINK, path)) return error;
    ssize_t count = readlink(real(path).c_str(), target, size - 1);
    if (count < 0) return -errno;
    target[count] = 0;
    return 0;
}

static int fs_readdir(
    const char *path, void *buffer, fuse_fill_dir_t fill, off_t, fuse_file_info *, fuse_readdir_flags) {
    if (int error = begin(READDIR, path)) return error;
    if (state.is_empty()) return 0;
    DIR *directory = opendir(real(path).c_str());
    if (!directory) return -errno;
    errno = 0;
    while (dirent *entry = readdir(directory)) {
        struct stat st = {};
        st.st_ino = entry->d_ino;
        st.st_mode = DTTOIF(entry->d_type);
        if (fill(buffer, entry->d_name, &st, 0, fuse_fill_dir_flags(0))) break;
        errno = 0;
    }
    int error = errno;
    closedir(directory);
    return -error;
}

static int fs_open(const char *path, fuse_file_info *info) {
    if (int error = begin(OPEN, path)) return error;
    if ((info->flags & O_ACCMODE) != O_RDONLY) return -EROFS;
    int fd = open(real(path).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    info->fh = uint64_t(fd);
    info->direct_io = 1;
    return 0;
}

static int fs_read(const char *path, char *buffer, size_t size, off_t offset, fuse_file_info *info) {
    if (int error = begin(READ, path)) return error;
    ssize_t count = pread(int(info->fh), buffer, size, offset);
    if (count < 0) return -errno;
    size_t given = state.allowed(path, size_t(count));
    state.count_bytes(path, given);
    return int(given);
}

static int fs_release(const char *, fuse_file_info *info) {
    close(int(info->fh));
    return 0;
}

static int fs_statfs(const char *path, struct statvfs *st) {
    if (int error = begin(STATFS, path)) return error;
    return statvfs(root.c_str(), st) == 0 ? 0 : -errno;
}

static fuse_operations operations() {
    fuse_operations result = {};
    result.init = fs_init;
    result.getattr = fs_getattr;
    result.readlink = fs_readlink;
    result.readdir = fs_readdir;
    result.open = fs_open;
    result.read = fs_read;
    result.release = fs_release;
    result.statfs = fs_statfs;
    return result;
}

/// Takes commands until standard input ends, and then ends the process, whatever hangs.
static void take_commands(struct fuse *fuse, const char *mount_point) {
    std::string line;
    while (std::getline(std::cin, line)) std::cout << state.command(line) << std::endl;
    is_ending = true;
    state.command("ok");
    // Whoever ended the input may have unmounted before.
    if (umount2(mount_point, MNT_DETACH) != 0 && geteuid() != 0) fuse_unmount(fuse);
    _exit(0);
}

int main(int count, char **words) {
    char *path = count == 3 ? realpath(words[1], nullptr) : nullptr;
    if (!path) {
        std::cerr << "usage: musicfs-faultfs DIRECTORY MOUNTPOINT" << std::endl;
        return 64;
    }
    root = path;
    free(path);
    fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
    fuse_opt_add_arg(&arguments, words[0]);
    fuse_opt_add_arg(&arguments, "-oro,default_permissions,fsname=musicfs-faultfs");
    if (geteuid() == 0) fuse_opt_add_arg(&arguments, "-oallow_other");
    fuse_operations table = operations();
    struct fuse *fuse = fuse_new(&arguments, &table, sizeof table, nullptr);
    if (!fuse || fuse_mount(fuse, words[2]) != 0) return 1;
    std::thread(take_commands, fuse, words[2]).detach();
    // A hanging operation keeps its thread, and others must still be answered.
    fuse_loop_config *loop = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(loop, 1000);
    int result = fuse_loop_mt(fuse, loop);
    while (is_ending) pause();
    fuse_unmount(fuse);
    // The control thread may be waiting for input, which nothing can end.
    _exit(result == 0 ? 0 : 1);
}
