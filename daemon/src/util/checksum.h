/* checksum.h - checksums of the journal's rows: 16 bytes of BLAKE2b over a seed and the typed
 * values of a row, so that a row has the same checksum when written and when read back.
 *
 * The seed of a chained row is the checksum of the row before it: a changed, removed or inserted
 * row is detected. docs/journal.md, section checksums, defines the bytes.
 * Threads: one owner. Memory: the struct's. Nothing fails.
 */
#pragma once

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHECKSUM_BYTES = 16, CHECKSUM_WAITING = 512 };

struct checksum {
    crypto_generichash_state state;
    uint8_t waiting[CHECKSUM_WAITING]; /* to be taken in together */
    size_t n_waiting;
};

/* seed: CHECKSUM_BYTES, or NULL for zeros. */
void checksum_init(struct checksum *sum, const uint8_t *seed);

/* NaN is NULL, and -0 is 0, as SQLite keeps them. */
void checksum_null(struct checksum *sum);
void checksum_whole(struct checksum *sum, int64_t value);
void checksum_real(struct checksum *sum, double value);
void checksum_text(struct checksum *sum, const char *text, size_t size);
void checksum_blob(struct checksum *sum, const void *bytes, size_t size);

/* What models and protocols are called by: the first hex digits of the SHA-256 of a file's bytes.
 */
enum { CHECKSUM_NAME = 17 }; /* with the NUL */
void checksum_name(char hash[CHECKSUM_NAME], const uint8_t bytes[], size_t size);

/* True if they are called so. */
bool checksum_names(const char *hash, const uint8_t bytes[], size_t size);

/* *sum is used up. */
void checksum_final(struct checksum *sum, uint8_t out[CHECKSUM_BYTES]);
