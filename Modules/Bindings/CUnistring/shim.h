#pragma once
#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>
#include <uniwbrk.h>

// UNINORM_NFC and its like are macros over the addresses of these descriptions.
static inline uninorm_t musicfs_nfc(void) { return UNINORM_NFC; }
static inline uninorm_t musicfs_nfd(void) { return UNINORM_NFD; }
static inline uninorm_t musicfs_nfkc(void) { return UNINORM_NFKC; }
static inline uninorm_t musicfs_nfkd(void) { return UNINORM_NFKD; }
static inline void musicfs_unistring_free(uint8_t *text) { free(text); }
