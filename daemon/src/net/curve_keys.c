#include "curve_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "input_file.h"
#include "log.h"

static bool is_key_text(const char *text)
{
    uint8_t bytes[KEY_LIST_BYTES];
    return strlen(text) == KEY_LIST_TEXT - 1 && zmq_z85_decode(bytes, text) != NULL;
}

/* The value of "name = ..." in a key file, or the first word of a line for name NULL. */
static bool read_key(FILE *f, const char *name, char key[KEY_LIST_TEXT])
{
    char text[256];
    while (fgets(text, sizeof text, f) != NULL) {
        char first[64] = "";
        char second[64] = "";
        const int n = sscanf(text, "%63s %63s", first, second);
        if (n < 1 || first[0] == '#') {
            continue;
        }
        if (name == NULL || (n == 2 && strcmp(first, name) == 0)) {
            const char *word = name == NULL ? first : second;
            const size_t size = strlen(word);
            memcpy(key, word, size < KEY_LIST_TEXT ? size + 1 : 0);
            key[size < KEY_LIST_TEXT ? size : 0] = '\0'; /* too long: no key at all */
            return true;
        }
    }
    return false;
}

/* One key of a file; setting: what the error calls the file. */
int curve_keys_load(const char *path, const char *setting, const char *name,
                    char key[KEY_LIST_TEXT], struct fault *fault)
{
    FILE *f;
    const int rc = input_file_open(&f, path, setting, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    const bool found = read_key(f, name, key);
    fclose(f);
    if (!found || !is_key_text(key)) {
        return fault_set(fault, FAULT_INPUT,
                         "%s: no line \"%s%sKEY\" with a key, as `murid keygen` writes", path,
                         name != NULL ? name : "", name != NULL ? " " : "");
    }
    return FAULT_NONE;
}

void curve_keys_warn_if_readable(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        log_warn("security.server_key: %s is readable by others than its owner: chmod 600 it",
                 path);
    }
}

int curve_keys_load_client(struct curve_keys_client *keys, const char *pair_path,
                           const char *server_path, struct fault *fault)
{
    *keys = (struct curve_keys_client){.server = ""};
    if (pair_path == NULL && server_path == NULL) {
        return FAULT_NONE;
    }
    if (pair_path == NULL || server_path == NULL) {
        return fault_set(fault, FAULT_INPUT,
                         "--key and --server-key go together: your own key pair and the daemon's "
                         ".pub file");
    }
    int rc = curve_keys_load(pair_path, "--key", "public", keys->public_key, fault);
    rc = rc ? rc : curve_keys_load(pair_path, "--key", "secret", keys->secret_key, fault);
    return rc ? rc : curve_keys_load(server_path, "--server-key", NULL, keys->server, fault);
}

void curve_keys_use(void *socket, const struct curve_keys_client *keys)
{
    if (keys->server[0] != '\0') {
        (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, keys->server, KEY_LIST_TEXT);
        (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, KEY_LIST_TEXT);
        (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_LIST_TEXT);
    }
}

/* A new file with one text in it; nothing is written over, no link followed. */
static int write_new(const char *path, mode_t mode, const char *text, struct fault *fault)
{
    const size_t size = strlen(text);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        return fault_set(fault, FAULT_INPUT, "%s: %s%s", path, strerror(errno),
                         errno == EEXIST ? "; keys overwrite nothing: name another file" : "");
    }
    const bool is_written = write(fd, text, size) == (ssize_t)size;
    const int error = errno;
    if (close(fd) == 0 && is_written) {
        return FAULT_NONE;
    }
    (void)unlink(path);
    return fault_set(fault, FAULT_WORK, "%s: %s", path, strerror(error));
}

int curve_keys_make(const char *path, struct fault *fault)
{
    char public_key[KEY_LIST_TEXT];
    char secret_key[KEY_LIST_TEXT];
    char public_path[512];
    char text[256];
    if (zmq_curve_keypair(public_key, secret_key) != 0) {
        return fault_set(fault, FAULT_WORK, "this libzmq was built without CURVE");
    }
    const int n = snprintf(public_path, sizeof public_path, "%s.pub", path);
    if (n < 0 || (size_t)n >= sizeof public_path) {
        return fault_set(fault, FAULT_INPUT, "%.80s...: a shorter path was expected", path);
    }
    (void)snprintf(text, sizeof text, "# keep this file secret\npublic %s\nsecret %s\n", public_key,
                   secret_key);
    int rc = write_new(path, 0600, text, fault);
    if (rc != FAULT_NONE) {
        return rc;
    }
    (void)snprintf(text, sizeof text, "%s\n", public_key);
    rc = write_new(public_path, 0666, text, fault);
    if (rc != FAULT_NONE) {
        (void)unlink(path);
    }
    return rc;
}
