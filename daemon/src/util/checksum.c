#include "checksum.h"

#include <math.h>
#include <string.h>

static void take(struct checksum *sum)
{
    (void)crypto_generichash_update(&sum->state, sum->waiting, sum->n_waiting);
    sum->n_waiting = 0;
}

static void put(struct checksum *sum, const void *bytes, size_t size)
{
    if (size > sizeof sum->waiting - sum->n_waiting) {
        take(sum);
    }
    if (size > sizeof sum->waiting) {
        (void)crypto_generichash_update(&sum->state, bytes, size);
    } else if (size > 0) {
        memcpy(sum->waiting + sum->n_waiting, bytes, size);
        sum->n_waiting += size;
    }
}

void checksum_init(struct checksum *sum, const uint8_t *seed)
{
    static const uint8_t NONE[CHECKSUM_BYTES];
    sum->n_waiting = 0;
    (void)crypto_generichash_init(&sum->state, NULL, 0, CHECKSUM_BYTES);
    put(sum, seed != NULL ? seed : NONE, CHECKSUM_BYTES);
}

/* A type and eight little-endian bytes: a number, or the length of what follows. */
static void put_head(struct checksum *sum, char type, uint64_t bits)
{
    uint8_t bytes[9] = {(uint8_t)type};
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (uint8_t)(bits >> (8 * i));
    }
    put(sum, bytes, sizeof bytes);
}

void checksum_null(struct checksum *sum)
{
    put_head(sum, 'n', 0);
}

void checksum_whole(struct checksum *sum, int64_t value)
{
    put_head(sum, 'i', (uint64_t)value);
}

void checksum_real(struct checksum *sum, double value)
{
    uint64_t bits;
    if (isnan(value)) {
        checksum_null(sum);
        return;
    }
    value = value == 0.0 ? 0.0 : value;
    memcpy(&bits, &value, sizeof bits);
    put_head(sum, 'r', bits);
}

void checksum_text(struct checksum *sum, const char *text, size_t size)
{
    put_head(sum, 't', size);
    put(sum, text, size);
}

void checksum_blob(struct checksum *sum, const void *bytes, size_t size)
{
    put_head(sum, 'b', size);
    put(sum, bytes, size);
}

void checksum_final(struct checksum *sum, uint8_t out[CHECKSUM_BYTES])
{
    take(sum);
    (void)crypto_generichash_final(&sum->state, out, CHECKSUM_BYTES);
}

void checksum_name(char hash[CHECKSUM_NAME], const uint8_t bytes[], size_t size)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, bytes, size);
    (void)sodium_bin2hex(hash, CHECKSUM_NAME, digest, CHECKSUM_NAME / 2);
}

bool checksum_names(const char *hash, const uint8_t bytes[], size_t size)
{
    char own[CHECKSUM_NAME];
    checksum_name(own, bytes, size);
    return strcmp(hash, own) == 0;
}
