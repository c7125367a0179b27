#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Limits of what is read; a text beyond them is an error, never a crash.
enum {
    CTOML_MAX_SIZE = 1 << 20,
    /// Tables and arrays inside each other.
    CTOML_MAX_DEPTH = 32,
};

typedef enum {
    CTOML_TABLE,
    CTOML_ARRAY,
    CTOML_STRING,
    CTOML_INTEGER,
    CTOML_FLOAT,
    CTOML_BOOLEAN,
    /// A date, a time or both.
    CTOML_DATE_TIME,
} ctoml_kind;

/// One value. Nodes lie in depth-first order, the root table first; the ones below a node end before `end`.
typedef struct {
    ctoml_kind kind;
    size_t end;
    /// Of the key, or of the value where it has none (an element of an array); both from 1, columns in characters.
    uint32_t line;
    uint32_t column;
    /// UTF-8, not terminated, owned by the document; empty for elements of arrays.
    const char *key;
    size_t key_size;
    /// The value of a string.
    const char *text;
    size_t text_size;
    int64_t integer;
    double real;
    bool boolean;
} ctoml_node;

typedef struct ctoml_document ctoml_document;

/// Reads a TOML 1.0 text.
///
/// The answer is owned by the caller, who frees it with `ctoml_free`; NULL only when memory ran out.
ctoml_document *ctoml_parse(const char *text, size_t size);

/// What is wrong with the text, or NULL if nothing is; line and column are then where.
const char *ctoml_error(const ctoml_document *document, uint32_t *line, uint32_t *column);

/// The nodes; none after an error. Valid until the document is freed.
const ctoml_node *ctoml_nodes(const ctoml_document *document, size_t *count);

void ctoml_free(ctoml_document *document);

#ifdef __cplusplus
}
#endif
