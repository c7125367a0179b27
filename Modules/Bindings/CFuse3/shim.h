#pragma once
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <string.h>

// Bit-fields and nested structures of libfuse are filled here, from plain values.

struct musicfs_attributes {
    uint64_t node_id, inode;
    uint64_t size;
    int64_t modified_ns;
    uint32_t mode, links, uid, gid;
    double timeout;
};

static inline void musicfs_fill_stat(struct stat *st, const struct musicfs_attributes *a) {
    memset(st, 0, sizeof *st);
    st->st_ino = a->inode;
    st->st_mode = a->mode;
    st->st_nlink = a->links;
    st->st_uid = a->uid;
    st->st_gid = a->gid;
    st->st_size = (off_t)a->size;
    st->st_blksize = 4096;
    st->st_blocks = (blkcnt_t)((a->size + 511) / 512);
    int64_t seconds = a->modified_ns / 1000000000, nanoseconds = a->modified_ns % 1000000000;
    if (nanoseconds < 0) {
        seconds -= 1;
        nanoseconds += 1000000000;
    }
    st->st_mtim.tv_sec = seconds;
    st->st_mtim.tv_nsec = nanoseconds;
    st->st_atim = st->st_ctim = st->st_mtim;
}

static inline void musicfs_fill_entry(struct fuse_entry_param *e, const struct musicfs_attributes *a) {
    memset(e, 0, sizeof *e);
    e->ino = a->node_id;
    musicfs_fill_stat(&e->attr, a);
    e->attr_timeout = a->timeout;
    e->entry_timeout = a->timeout;
}

static inline int musicfs_reply_entry(fuse_req_t req, const struct musicfs_attributes *a) {
    struct fuse_entry_param e;
    musicfs_fill_entry(&e, a);
    return fuse_reply_entry(req, &e);
}

static inline int musicfs_reply_negative(fuse_req_t req, double timeout) {
    struct fuse_entry_param e;
    memset(&e, 0, sizeof e);
    e.entry_timeout = timeout;
    return fuse_reply_entry(req, &e);
}

static inline int musicfs_reply_attributes(fuse_req_t req, const struct musicfs_attributes *a) {
    struct stat st;
    musicfs_fill_stat(&st, a);
    return fuse_reply_attr(req, &st, a->timeout);
}

static inline size_t musicfs_add_entry(
    fuse_req_t req, char *buffer, size_t size, const char *name, const struct musicfs_attributes *a, off_t cookie) {
    struct stat st;
    musicfs_fill_stat(&st, a);
    return fuse_add_direntry(req, buffer, size, name, &st, cookie);
}

static inline size_t musicfs_add_entry_plus(
    fuse_req_t req, char *buffer, size_t size, const char *name, const struct musicfs_attributes *a, off_t cookie) {
    struct fuse_entry_param e;
    musicfs_fill_entry(&e, a);
    return fuse_add_direntry_plus(req, buffer, size, name, &e, cookie);
}

static inline int musicfs_reply_open(fuse_req_t req, uint64_t handle) {
    struct fuse_file_info info;
    memset(&info, 0, sizeof info);
    info.fh = handle;
    info.keep_cache = 1;
    return fuse_reply_open(req, &info);
}

static inline int musicfs_reply_statfs(
    fuse_req_t req, uint64_t bytes, uint64_t files, uint32_t block_size, uint32_t name_limit) {
    struct statvfs st;
    memset(&st, 0, sizeof st);
    st.f_bsize = block_size;
    st.f_frsize = block_size;
    st.f_blocks = (bytes + block_size - 1) / block_size;
    st.f_files = files;
    st.f_namemax = name_limit;
    st.f_flag = ST_RDONLY;
    return fuse_reply_statfs(req, &st);
}
