// What TagLib, and a bounded parser beside it, tell of one open audio file. C++ exceptions do not leave this library.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ctaglib_status {
    CTAGLIB_OK,
    // The bytes are not an audio file that TagLib knows.
    CTAGLIB_UNREADABLE,
    // pread(2) failed; `ctaglib_errno` tells why.
    CTAGLIB_IO_ERROR,
    CTAGLIB_NO_MEMORY,
} ctaglib_status;

// What was read of a file; used by one thread at a time.
typedef struct ctaglib_file ctaglib_file;

// Bytes `start ..< end` of a file.
typedef struct ctaglib_range {
    int64_t start, end;
} ctaglib_range;

// Reads the file behind `fd`, which stays the caller's and must be open until `ctaglib_close`. The type is told by the
// extension of `name` (which need not end with a NUL) first, then by the content. NULL only when memory is out.
//
// Where `present` is not NULL only those ranges of the file are there (in order, apart from each other); the others are
// holes, and are never read. What would have to be is named by `ctaglib_need`, and nothing else counts then.
ctaglib_file *ctaglib_open(
    int fd, const char *name, size_t name_size, const ctaglib_range *present, size_t present_count);
// The range that was wanted and is not there; empty when none was.
ctaglib_range ctaglib_need(const ctaglib_file *file);
void ctaglib_close(ctaglib_file *file);

ctaglib_status ctaglib_file_status(const ctaglib_file *file);
// English, for CTAGLIB_UNREADABLE.
const char *ctaglib_reason(const ctaglib_file *file);
int ctaglib_errno(const ctaglib_file *file);

// Bytes that live as long as the file.
typedef struct ctaglib_bytes {
    const uint8_t *data;
    size_t size;
} ctaglib_bytes;

// One value of a tag: the key as in TagLib's property map, the value in UTF-8, by length.
typedef struct ctaglib_tag {
    ctaglib_bytes key, value;
} ctaglib_tag;

size_t ctaglib_tag_count(const ctaglib_file *file);
ctaglib_tag ctaglib_tag_at(const ctaglib_file *file, size_t index);

typedef struct ctaglib_properties {
    int64_t milliseconds;
    int32_t kilobits_per_second, hertz, channels, bits_per_sample;
} ctaglib_properties;

ctaglib_properties ctaglib_audio_properties(const ctaglib_file *file);

typedef struct ctaglib_layout {
    // False where the format's audio is not in one piece, or the parser could not follow it.
    bool known;
    int64_t audio_start, audio_end, file_size;
    // Where it is not known: the end of the headers, which hold the tags; 0 when that is not known either.
    int64_t head_end;
    bool has_checksum;
    uint8_t checksum[16];
} ctaglib_layout;

ctaglib_layout ctaglib_audio_layout(const ctaglib_file *file);

typedef struct ctaglib_picture {
    // Of ID3v2's APIC frame.
    uint8_t type;
    ctaglib_bytes mime_type;
    int64_t size;
    // -1 where its bytes do not lie plainly in the file.
    int64_t offset;
} ctaglib_picture;

size_t ctaglib_picture_count(const ctaglib_file *file);
ctaglib_picture ctaglib_picture_at(const ctaglib_file *file, size_t index);

#ifdef __cplusplus
}
#endif
