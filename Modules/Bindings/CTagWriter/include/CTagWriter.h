// Writes tags and pictures into an audio file held in memory. For tools and tests: the daemon never writes tags here.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ctagwriter_format {
    CTAGWRITER_FLAC,
    CTAGWRITER_MP3,
    CTAGWRITER_VORBIS,
    CTAGWRITER_OPUS,
    CTAGWRITER_MP4,
    CTAGWRITER_WAV,
    CTAGWRITER_AIFF,
    CTAGWRITER_WAVPACK,
} ctagwriter_format;

typedef enum ctagwriter_status {
    CTAGWRITER_OK,
    // The bytes are not a file of that format.
    CTAGWRITER_NOT_VALID,
    // TagLib could not save the tags.
    CTAGWRITER_NOT_SAVED,
    CTAGWRITER_NO_MEMORY,
} ctagwriter_status;

// A file under construction; used by one thread at a time.
typedef struct ctagwriter ctagwriter;

// Copies `audio`, which is a whole file of that format. NULL when memory is out.
ctagwriter *ctagwriter_create(ctagwriter_format format, const uint8_t *audio, size_t size);
void ctagwriter_destroy(ctagwriter *writer);

// Adds one value (UTF-8, by length, NUL allowed) under a key of TagLib's property map, behind earlier ones of that key.
void ctagwriter_add_property(ctagwriter *writer, const char *key, const char *value, size_t size);

// Adds a front cover.
void ctagwriter_add_cover(ctagwriter *writer, const char *mime_type, const uint8_t *data, size_t size);

// Writes ID3v2.3 instead of 2.4 (MP3 and WAV only).
void ctagwriter_use_id3v23(ctagwriter *writer);

// Writes everything that was added. On CTAGWRITER_OK `*data` and `*data_size` are the finished file until destroy.
ctagwriter_status ctagwriter_finish(ctagwriter *writer, const uint8_t **data, size_t *data_size);

#ifdef __cplusplus
}
#endif
