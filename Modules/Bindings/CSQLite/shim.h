#pragma once
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast macro that the importer cannot see.
static inline int musicfs_sqlite_bind_blob(sqlite3_stmt *s, int i, const void *p, int n) {
    return sqlite3_bind_blob(s, i, n == 0 ? "" : p, n, SQLITE_TRANSIENT);
}
static inline int musicfs_sqlite_bind_text(sqlite3_stmt *s, int i, const char *p, int n) {
    return sqlite3_bind_text(s, i, n == 0 ? "" : p, n, SQLITE_TRANSIENT);
}
// sqlite3_db_config and sqlite3_config are variadic.
static inline int musicfs_sqlite_defensive(sqlite3 *db) {
    return sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}
