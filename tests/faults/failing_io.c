/* Writes and syncs of files whose path holds FAILING_IO ("bot.db" unless told otherwise) that fail as a disk fails.
 *
 * Loaded by LD_PRELOAD. One call in FAILING_IO_ONE_IN fails (0: none), by the seed FAILING_IO_SEED: with EIO, with
 * ENOSPC, or, for a write, after a part of it. What the environment says at the start can be changed by fail_one_in.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned one_in, state = 1;
static long failures, syncs;
static const char *part = "bot.db";

static unsigned number_in(const char *name) {
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

void fail_one_in(unsigned n, unsigned seed) {
    pthread_mutex_lock(&lock);
    one_in = n;
    state = seed | 1;
    pthread_mutex_unlock(&lock);
}

long n_failures(void) { return failures; }
long n_syncs(void) { return syncs; }

__attribute__((constructor)) static void begin(void) {
    if (getenv("FAILING_IO"))
        part = getenv("FAILING_IO");
    fail_one_in(number_in("FAILING_IO_ONE_IN"), number_in("FAILING_IO_SEED"));
}

static int is_ours(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    return strstr(name ? name : path, part) != NULL;
}

static unsigned chance(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* 0: go on; an errno: fail with it; -1: write a part. */
static int verdict(int fd, int may_be_short) {
    static const int kinds[] = {EIO, ENOSPC, -1};
    if (!is_ours(fd))
        return 0;
    pthread_mutex_lock(&lock);
    int kind = one_in && chance() % one_in == 0 ? kinds[chance() % (may_be_short ? 3 : 2)] : 0;
    failures += kind != 0;
    pthread_mutex_unlock(&lock);
    return kind;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define AT , at
#define WRITING(name, rest)                       \
    {                                             \
        int kind = verdict(fd, 1);                \
        if (kind > 0) {                           \
            errno = kind;                         \
            return -1;                            \
        }                                         \
        size_t length = kind < 0 ? n / 2 : n;     \
        return REAL(name)(fd, from, length rest); \
    }
#define DOING(name, ...)                          \
    {                                             \
        int kind = verdict(fd, 0);                \
        if (kind > 0) {                           \
            errno = kind;                         \
            return -1;                            \
        }                                         \
        return REAL(name)(__VA_ARGS__);           \
    }
#define SYNCING(name)                             \
    {                                             \
        if (is_ours(fd)) {                        \
            pthread_mutex_lock(&lock);            \
            ++syncs;                              \
            pthread_mutex_unlock(&lock);          \
        }                                         \
        DOING(name, fd)                           \
    }

ssize_t write(int fd, const void *from, size_t n) WRITING(write, )
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) WRITING(pwrite, AT)
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) WRITING(pwrite64, AT)
int ftruncate(int fd, off_t length) DOING(ftruncate, fd, length)
int ftruncate64(int fd, off64_t length) DOING(ftruncate64, fd, length)
int fsync(int fd) SYNCING(fsync)
int fdatasync(int fd) SYNCING(fdatasync)
