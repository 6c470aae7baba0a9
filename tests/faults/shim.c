/* Between a program and the system's calls on files, for the fault bench (LD_PRELOAD, Linux).
 *
 * SHIM_ROOT: only files below this folder are looked at. SHIM_LOG: every change to them is written
 * there, in the order in which it happened, so that a folder can be made again as a power cut would
 * leave it. SHIM_FAIL: while this file is there, what it says fails: lines "CALL ERRNO PART", for
 * CALL one of write, fsync, open, rename and for files whose path holds PART.
 *
 * A record of the log: op (1 byte), time (8, CLOCK_MONOTONIC, ns), file (8), offset (8), length (8),
 * then `length` bytes.
 *   o opened new: bytes are the path      w written at offset      t cut or grown to offset
 *   s synced                              d folder synced: bytes are the path
 *   r renamed: both paths, parted by NUL  u unlinked   m folder made   x folder removed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FILES 4096
static char *paths[FILES]; /* by descriptor; NULL where it is none of ours */
static char is_folder[FILES];
static const char *root, *fail_file;
static int log_fd = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, args) static type (*real_##name) args
REAL(int, open64, (const char *, int, ...));
REAL(int, openat64, (int, const char *, int, ...));
REAL(int, close, (int));
REAL(ssize_t, write, (int, const void *, size_t));
REAL(ssize_t, pwrite64, (int, const void *, size_t, off64_t));
REAL(int, ftruncate64, (int, off64_t));
REAL(int, fsync, (int));
REAL(int, fdatasync, (int));
REAL(int, rename, (const char *, const char *));
REAL(int, unlink, (const char *));
REAL(int, mkdir, (const char *, mode_t));
REAL(int, rmdir, (const char *));

__attribute__((constructor)) static void begin(void) {
#define FIND(name) real_##name = dlsym(RTLD_NEXT, #name)
    FIND(open64); FIND(openat64); FIND(close); FIND(write); FIND(pwrite64); FIND(ftruncate64);
    FIND(fsync); FIND(fdatasync); FIND(rename); FIND(unlink); FIND(mkdir); FIND(rmdir);
    root = getenv("SHIM_ROOT");
    fail_file = getenv("SHIM_FAIL");
    const char *log = getenv("SHIM_LOG");
    if (log && *log) log_fd = real_open64(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
    return root && path && !strncmp(path, root, strlen(root));
}

static int named(int fd) {
    return fd >= 0 && fd < FILES && paths[fd] != NULL;
}

static void note(char op, uint64_t file, uint64_t offset, const void *data, uint64_t length) {
    if (log_fd < 0) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t numbers[4] = {now.tv_sec * 1000000000ull + now.tv_nsec, file, offset, length};
    char head[33];
    head[0] = op;
    memcpy(head + 1, numbers, 32);
    real_write(log_fd, head, sizeof head);
    if (length) real_write(log_fd, data, length);
}

static uint64_t file_of(int fd) {
    struct stat facts;
    return fstat(fd, &facts) ? 0 : facts.st_ino;
}

/* The errno that this call is to fail with, 0 for none. */
static int failing(const char *call, const char *path) {
    if (!fail_file || access(fail_file, F_OK)) return 0;
    FILE *file = fopen(fail_file, "re");
    if (!file) return 0;
    char what[16], part[256];
    int number, found = 0;
    while (fscanf(file, "%15s %d %255s", what, &number, part) == 3)
        if (!strcmp(what, call) && strstr(path, part)) found = number;
    fclose(file);
    return found;
}

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd < 0 || fd >= FILES) return fd;
    struct stat facts;
    if (fstat(fd, &facts)) return fd;
    free(paths[fd]);
    paths[fd] = strdup(path);
    is_folder[fd] = S_ISDIR(facts.st_mode);
    if (is_folder[fd]) return fd;
    if ((flags & O_CREAT) && !existed) note('o', facts.st_ino, 0, path, strlen(path));
    else if (flags & O_TRUNC) note('t', facts.st_ino, 0, NULL, 0);
    return fd;
}

static int open_here(int at, const char *path, int flags, mode_t mode) {
    if (!ours(path)) return real_openat64(at, path, flags, mode);
    int number = (flags & O_ACCMODE) != O_RDONLY ? failing("open", path) : 0;
    if (number) { errno = number; return -1; }
    pthread_mutex_lock(&turn);
    int existed = !access(path, F_OK);
    int fd = opened(real_openat64(at, path, flags, mode), path, flags, existed), kept = errno;
    pthread_mutex_unlock(&turn);
    errno = kept;
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list more; \
    va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE return open_here(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_here(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return open_here(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return open_here(at, path, flags, mode); }

int close(int fd) {
    pthread_mutex_lock(&turn);
    if (named(fd)) { free(paths[fd]); paths[fd] = NULL; }
    int said = real_close(fd), kept = errno;
    pthread_mutex_unlock(&turn);
    errno = kept;
    return said;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (!named(fd) || is_folder[fd]) return real_write(fd, data, length);
    int number = failing("write", paths[fd]);
    if (number) { errno = number; return -1; }
    pthread_mutex_lock(&turn);
    struct stat facts;
    int appends = fcntl(fd, F_GETFL) & O_APPEND;
    off64_t at = appends && !fstat(fd, &facts) ? facts.st_size : lseek64(fd, 0, SEEK_CUR);
    ssize_t taken = real_write(fd, data, length);
    int kept = errno;
    if (taken > 0) note('w', file_of(fd), at, data, taken);
    pthread_mutex_unlock(&turn);
    errno = kept;
    return taken;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
    if (!named(fd)) return real_pwrite64(fd, data, length, at);
    int number = failing("write", paths[fd]);
    if (number) { errno = number; return -1; }
    pthread_mutex_lock(&turn);
    ssize_t taken = real_pwrite64(fd, data, length, at);
    int kept = errno;
    if (taken > 0) note('w', file_of(fd), at, data, taken);
    pthread_mutex_unlock(&turn);
    errno = kept;
    return taken;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
    return pwrite64(fd, data, length, at);
}

int ftruncate64(int fd, off64_t size) {
    pthread_mutex_lock(&turn);
    int said = real_ftruncate64(fd, size), kept = errno;
    if (!said && named(fd)) note('t', file_of(fd), size, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = kept;
    return said;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int synced(int fd, int (*real)(int)) {
    if (!named(fd)) return real(fd);
    int number = failing("fsync", paths[fd]);
    if (number) { errno = number; return -1; }
    /* What is written meanwhile by others may not be on the disk: the turn is kept. */
    pthread_mutex_lock(&turn);
    int said = real(fd), kept = errno;
    if (!said && is_folder[fd]) note('d', 0, 0, paths[fd], strlen(paths[fd]));
    else if (!said) note('s', file_of(fd), 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    errno = kept;
    return said;
}
int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

int rename(const char *old, const char *now) {
    if (!ours(old) && !ours(now)) return real_rename(old, now);
    int number = failing("rename", now);
    if (number) { errno = number; return -1; }
    pthread_mutex_lock(&turn);
    int said = real_rename(old, now), kept = errno;
    if (!said) {
        size_t first = strlen(old) + 1, second = strlen(now);
        char *both = malloc(first + second);
        memcpy(both, old, first);
        memcpy(both + first, now, second);
        note('r', 0, 0, both, first + second);
        free(both);
        for (int fd = 0; fd < FILES; fd++)
            if (paths[fd] && !strcmp(paths[fd], old)) { free(paths[fd]); paths[fd] = strdup(now); }
    }
    pthread_mutex_unlock(&turn);
    errno = kept;
    return said;
}

static int changed(char op, const char *path, int said) {
    int kept = errno;
    if (!said && ours(path)) note(op, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    errno = kept;
    return said;
}
int unlink(const char *path) { pthread_mutex_lock(&turn); return changed('u', path, real_unlink(path)); }
int mkdir(const char *path, mode_t mode) { pthread_mutex_lock(&turn); return changed('m', path, real_mkdir(path, mode)); }
int rmdir(const char *path) { pthread_mutex_lock(&turn); return changed('x', path, real_rmdir(path)); }
