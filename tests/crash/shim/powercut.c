/*
 * Records every change that a process makes to the files below one directory, so that the disk as it would be after a
 * power cut can be rebuilt later: which bytes were written, and which of them a sync covered.
 *
 * Use: LD_PRELOAD=powercut.so POWERCUT_ROOT=DIR POWERCUT_TRACE=FILE program ...
 *   POWERCUT_ROOT           the directory; must exist. Paths in the trace are relative to it.
 *   POWERCUT_TRACE          the trace, outside the root; opened for appending, so that successive processes share it.
 *   POWERCUT_SYNC_DELAY_US  optional: each sync first sleeps a random time up to this, as a slow disk would. It widens
 *                           the window in which a cut finds data that was written and not synced.
 *
 * What it sees: calls that go through the C library. Rust's std::fs does. rustix's default Linux backend does NOT (it
 * makes system calls itself): a program whose file layer uses rustix for anything recorded here must build it with the
 * feature `use-libc`. io_uring is not seen either. The rebuilder compares the trace with the real directory whenever a
 * process has ended, so a change that passed by unseen is found and said.
 *
 * Order: a change is recorded after the call returned and before the caller goes on. A sync is recorded twice, before
 * the call ("begin") and after it ("end", with the result). So a change that stands before a "begin" in the trace was
 * complete before that sync began; a change that raced with the sync may stand behind it and then counts as not synced,
 * which is what a disk may do with it. sync_file_range is not recorded: it says nothing about a volatile disk cache.
 *
 * What cannot be rebuilt (shared writable mappings, hard links, O_TMPFILE, exotic fallocate modes) is recorded as
 * "unsupported", and the rebuilder refuses the trace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------ the trace */

enum kind {
    KIND_START = 1,
    KIND_OPEN = 2,
    KIND_WRITE = 3,
    KIND_SET_SIZE = 4,
    KIND_ALLOCATE = 5,
    KIND_RENAME = 6,
    KIND_UNLINK = 7,
    KIND_MKDIR = 8,
    KIND_RMDIR = 9,
    KIND_SYNC_BEGIN = 10,
    KIND_SYNC_END = 11,
    KIND_CLOSE = 12,
    KIND_UNSUPPORTED = 13,
};

/* Little-endian, packed, followed by path, path2 and data. src/trace.rs reads it. */
struct __attribute__((packed)) record {
    uint32_t magic;   /* "PCUT" */
    uint32_t length;  /* of the whole record */
    uint32_t pid;
    uint16_t kind;
    uint16_t path_len;
    uint16_t path2_len;
    uint16_t mode;    /* of an allocation */
    uint32_t data_len;
    uint64_t mono_ns;
    uint64_t open_id; /* unique within the process; 0: named by path, or for a sync: everything */
    int64_t offset;   /* of a write or allocation; the number of a sync; the inode number of an open */
    int64_t value;    /* size, length, open flags or result, by kind */
};

#define MAGIC 0x54554350u
#define FD_MAX 65536
#define EXIT_TRACE_BROKEN 86

struct tracked {
    _Atomic uint64_t open_id; /* 0: not below the root */
    int flags;
};

static struct tracked fds[FD_MAX];
static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;
/* Serialises calls whose offset has to be asked for afterwards. */
static pthread_mutex_t position_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t last_open_id;
static _Atomic uint64_t last_sync;
static _Atomic uint64_t delay_state;
static char root[PATH_MAX];
static size_t root_len;
static int trace_fd = -1;
static long sync_delay_us;

static void die(const char *text)
{
    char line[256];
    int n = snprintf(line, sizeof line, "powercut shim: %s: %s\n", text, strerror(errno));
    if (n > 0)
        syscall(SYS_write, 2, line, (size_t)n);
    syscall(SYS_exit_group, EXIT_TRACE_BROKEN);
}

static void append(struct record record, const char *path, const char *path2, const void *data)
{
    if (trace_fd < 0)
        return;
    int saved = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    record.magic = MAGIC;
    record.pid = (uint32_t)getpid();
    record.path_len = path ? (uint16_t)strlen(path) : 0;
    record.path2_len = path2 ? (uint16_t)strlen(path2) : 0;
    record.length = (uint32_t)(sizeof record + record.path_len + record.path2_len + record.data_len);
    record.mono_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    struct iovec parts[4] = {
        { &record, sizeof record },
        { (void *)path, record.path_len },
        { (void *)path2, record.path2_len },
        { (void *)data, record.data_len },
    };
    pthread_mutex_lock(&trace_lock);
    long written = syscall(SYS_writev, trace_fd, parts, 4);
    pthread_mutex_unlock(&trace_lock);
    if (written != (long)record.length)
        die("the trace cannot be written");
    errno = saved;
}

static void unsupported(const char *text)
{
    append((struct record){ .kind = KIND_UNSUPPORTED }, text, NULL, NULL);
}

__attribute__((constructor)) static void start(void)
{
    const char *dir = getenv("POWERCUT_ROOT");
    const char *trace = getenv("POWERCUT_TRACE");
    const char *delay = getenv("POWERCUT_SYNC_DELAY_US");
    if (!dir || !trace)
        return;
    if (!realpath(dir, root))
        die("POWERCUT_ROOT does not exist");
    root_len = strlen(root);
    sync_delay_us = delay ? atol(delay) : 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die("POWERCUT_TRACE cannot be opened");
    /* A high number, out of the way of programs that count on low ones. */
    int high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    if (high >= 0) {
        syscall(SYS_close, fd);
        fd = high;
    }
    trace_fd = fd;
    atomic_store(&delay_state, (uint64_t)getpid() * 0x9E3779B97F4A7C15u + 1);
    append((struct record){ .kind = KIND_START }, root, NULL, NULL);
}

/* ------------------------------------------------------------------------------------------------ which files */

/* The path relative to the root, or NULL when it lies elsewhere. */
static const char *below_root(const char *absolute)
{
    if (trace_fd < 0 || strncmp(absolute, root, root_len) != 0)
        return NULL;
    if (absolute[root_len] == '\0')
        return "";
    return absolute[root_len] == '/' ? absolute + root_len + 1 : NULL;
}

static int path_of_fd(int fd, char *out)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    if (n < 0)
        return -1;
    out[n] = '\0';
    return 0;
}

/* Resolves the directory part, not the last name: the entry itself is what changes. */
static const char *resolve(int dirfd, const char *path, char *out)
{
    char whole[PATH_MAX], parent[PATH_MAX];
    if (trace_fd < 0 || !path)
        return NULL;
    int saved = errno;
    const char *result = NULL;
    if (path[0] == '/' || dirfd == AT_FDCWD) {
        if (snprintf(whole, sizeof whole, "%s", path) >= (int)sizeof whole)
            goto done;
    } else {
        if (path_of_fd(dirfd, parent) != 0 ||
            snprintf(whole, sizeof whole, "%s/%s", parent, path) >= (int)sizeof whole)
            goto done;
    }
    size_t len = strlen(whole);
    while (len > 1 && whole[len - 1] == '/')
        whole[--len] = '\0';
    char *slash = strrchr(whole, '/');
    const char *name = slash ? slash + 1 : whole;
    if (slash == whole) {
        strcpy(parent, "/");
    } else {
        char directory[PATH_MAX];
        snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - whole) : 1, slash ? whole : ".");
        if (!realpath(directory, parent))
            goto done;
    }
    if (snprintf(out, PATH_MAX, "%s/%s", strcmp(parent, "/") ? parent : "", name) < PATH_MAX)
        result = below_root(out);
done:
    errno = saved;
    return result;
}

static uint64_t id_of(int fd)
{
    return fd >= 0 && fd < FD_MAX ? atomic_load(&fds[fd].open_id) : 0;
}

static void forget(int fd)
{
    uint64_t id = id_of(fd);
    if (id) {
        atomic_store(&fds[fd].open_id, 0);
        append((struct record){ .kind = KIND_CLOSE, .open_id = id }, NULL, NULL, NULL);
    }
}

static void track_copy(int from, int to)
{
    if (to < 0 || to >= FD_MAX || from < 0 || from >= FD_MAX)
        return;
    fds[to].flags = fds[from].flags;
    atomic_store(&fds[to].open_id, id_of(from));
}

static int track_open(int fd, int flags)
{
    if (fd < 0 || trace_fd < 0)
        return fd;
    int saved = errno;
    char absolute[PATH_MAX];
    const char *path = path_of_fd(fd, absolute) == 0 ? below_root(absolute) : NULL;
    if (path && fd >= FD_MAX)
        die("a descriptor number is too high to be followed");
    if (fd < FD_MAX)
        atomic_store(&fds[fd].open_id, 0);
    if (path && (flags & O_TMPFILE) == O_TMPFILE)
        unsupported("O_TMPFILE");
    if (path && !(flags & O_PATH)) {
        uint64_t id = atomic_fetch_add(&last_open_id, 1) + 1;
        struct stat status;
        if (fstat(fd, &status) != 0)
            die("an open file has no status");
        fds[fd].flags = flags;
        atomic_store(&fds[fd].open_id, id);
        append((struct record){ .kind = KIND_OPEN, .open_id = id, .offset = (int64_t)status.st_ino, .value = flags },
               path, NULL, NULL);
    }
    errno = saved;
    return fd;
}

/* ------------------------------------------------------------------------------------------------ open and close */

static int takes_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

#define OPEN(NAME)                                                                                   \
    int NAME(const char *path, int flags, ...)                                                       \
    {                                                                                                \
        va_list args;                                                                                \
        va_start(args, flags);                                                                       \
        mode_t mode = takes_mode(flags) ? va_arg(args, mode_t) : 0;                                  \
        va_end(args);                                                                                \
        return track_open((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), flags);             \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(NAME)                                                                                 \
    int NAME(int dirfd, const char *path, int flags, ...)                                            \
    {                                                                                                \
        va_list args;                                                                                \
        va_start(args, flags);                                                                       \
        mode_t mode = takes_mode(flags) ? va_arg(args, mode_t) : 0;                                  \
        va_end(args);                                                                                \
        return track_open((int)syscall(SYS_openat, dirfd, path, flags, mode), flags);                \
    }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode)
{
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int fd)
{
    if (fd == trace_fd && fd >= 0) {
        errno = EBADF;
        return -1;
    }
    /* Before the call: afterwards the number may already belong to another thread's file. */
    forget(fd);
    return (int)syscall(SYS_close, fd);
}

int closedir(DIR *dir)
{
    static int (*real)(DIR *);
    extern void *dlsym(void *, const char *);
    if (!real)
        real = (int (*)(DIR *))dlsym((void *)-1L /* RTLD_NEXT */, "closedir");
    forget(dirfd(dir));
    return real(dir);
}

int dup(int fd)
{
    int copy = (int)syscall(SYS_dup, fd);
    track_copy(fd, copy);
    return copy;
}

int dup3(int fd, int to, int flags)
{
    forget(to);
    int copy = (int)syscall(SYS_dup3, fd, to, flags);
    track_copy(fd, copy);
    return copy;
}

int dup2(int fd, int to)
{
    return fd == to ? to : dup3(fd, to, 0);
}

#define FCNTL(NAME)                                                                                  \
    int NAME(int fd, int command, ...)                                                               \
    {                                                                                                \
        va_list args;                                                                                \
        va_start(args, command);                                                                     \
        long argument = va_arg(args, long);                                                          \
        va_end(args);                                                                                \
        int result = (int)syscall(SYS_fcntl, fd, command, argument);                                 \
        if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC))                       \
            track_copy(fd, result);                                                                  \
        return result;                                                                               \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* ------------------------------------------------------------------------------------------------ sync */

static void sleep_like_a_slow_disk(void)
{
    if (sync_delay_us <= 0)
        return;
    uint64_t x = atomic_fetch_add(&delay_state, 0x9E3779B97F4A7C15u);
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9u;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBu;
    x ^= x >> 31;
    uint64_t us = x % (uint64_t)sync_delay_us;
    struct timespec pause = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
    nanosleep(&pause, NULL);
}

static int synced(long call, int fd, uint64_t id)
{
    uint64_t number = atomic_fetch_add(&last_sync, 1) + 1;
    append((struct record){ .kind = KIND_SYNC_BEGIN, .open_id = id, .offset = (int64_t)number }, NULL, NULL, NULL);
    sleep_like_a_slow_disk();
    int result = (int)syscall(call, fd);
    append((struct record){ .kind = KIND_SYNC_END, .open_id = id, .offset = (int64_t)number, .value = result },
           NULL, NULL, NULL);
    return result;
}

int fsync(int fd)
{
    uint64_t id = id_of(fd);
    return id ? synced(SYS_fsync, fd, id) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    uint64_t id = id_of(fd);
    return id ? synced(SYS_fdatasync, fd, id) : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return id_of(fd) ? synced(SYS_syncfs, fd, 0) : (int)syscall(SYS_syncfs, fd);
}

/* ------------------------------------------------------------------------------------------------ write */

static void wrote(int fd, uint64_t id, const void *data, ssize_t count, off_t offset)
{
    append((struct record){ .kind = KIND_WRITE, .open_id = id, .offset = offset, .data_len = (uint32_t)count },
           NULL, NULL, data);
    if (fds[fd].flags & (O_SYNC | O_DSYNC)) {
        int64_t number = (int64_t)(atomic_fetch_add(&last_sync, 1) + 1);
        append((struct record){ .kind = KIND_SYNC_BEGIN, .open_id = id, .offset = number }, NULL, NULL, NULL);
        append((struct record){ .kind = KIND_SYNC_END, .open_id = id, .offset = number }, NULL, NULL, NULL);
    }
}

/* Writes at the file's position, or at its end when it was opened for appending. */
static ssize_t write_at_position(int fd, uint64_t id, const void *data, size_t count)
{
    pthread_mutex_lock(&position_lock);
    ssize_t result = syscall(SYS_write, fd, data, count);
    if (result > 0) {
        int saved = errno;
        off_t end = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
        wrote(fd, id, data, result, end - result);
        errno = saved;
    }
    pthread_mutex_unlock(&position_lock);
    return result;
}

static ssize_t write_at_offset(int fd, uint64_t id, const void *data, size_t count, off_t offset)
{
    /* Linux appends then, whatever the offset says: a rare combination that nothing here needs. */
    if (fds[fd].flags & O_APPEND)
        unsupported("positioned write to a file opened for appending");
    ssize_t result = syscall(SYS_pwrite64, fd, data, count, offset);
    if (result > 0)
        wrote(fd, id, data, result, offset);
    return result;
}

static void *gathered(const struct iovec *parts, int count, size_t *total)
{
    *total = 0;
    for (int i = 0; i < count; i++)
        *total += parts[i].iov_len;
    char *whole = malloc(*total ? *total : 1);
    if (!whole)
        die("out of memory");
    char *at = whole;
    for (int i = 0; i < count; i++) {
        memcpy(at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    return whole;
}

ssize_t write(int fd, const void *data, size_t count)
{
    uint64_t id = id_of(fd);
    return id ? write_at_position(fd, id, data, count) : syscall(SYS_write, fd, data, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    uint64_t id = id_of(fd);
    if (!id)
        return syscall(SYS_writev, fd, parts, count);
    size_t total;
    void *whole = gathered(parts, count, &total);
    ssize_t result = write_at_position(fd, id, whole, total);
    free(whole);
    return result;
}

#define PWRITE(NAME)                                                                                 \
    ssize_t NAME(int fd, const void *data, size_t count, off_t offset)                               \
    {                                                                                                \
        uint64_t id = id_of(fd);                                                                     \
        return id ? write_at_offset(fd, id, data, count, offset)                                     \
                  : syscall(SYS_pwrite64, fd, data, count, offset);                                  \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(NAME)                                                                                \
    ssize_t NAME(int fd, const struct iovec *parts, int count, off_t offset)                         \
    {                                                                                                \
        uint64_t id = id_of(fd);                                                                     \
        if (!id)                                                                                     \
            return syscall(SYS_pwritev, fd, parts, count, offset, 0);                                \
        size_t total;                                                                                \
        void *whole = gathered(parts, count, &total);                                                \
        ssize_t result = write_at_offset(fd, id, whole, total, offset);                              \
        free(whole);                                                                                 \
        return result;                                                                               \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define PWRITEV2(NAME)                                                                               \
    ssize_t NAME(int fd, const struct iovec *parts, int count, off_t offset, int flags)              \
    {                                                                                                \
        if (id_of(fd))                                                                               \
            unsupported("pwritev2");                                                                 \
        return syscall(SYS_pwritev2, fd, parts, count, offset, 0, flags);                            \
    }
PWRITEV2(pwritev2)
PWRITEV2(pwritev64v2)

/* Copies inside the kernel are refused for our files: std::fs::copy and io::copy then read and write. */

ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count, unsigned flags)
{
    if (id_of(out)) {
        errno = ENOSYS;
        return -1;
    }
    return syscall(SYS_copy_file_range, in, in_offset, out, out_offset, count, flags);
}

#define SENDFILE(NAME)                                                                               \
    ssize_t NAME(int out, int in, off_t *offset, size_t count)                                       \
    {                                                                                                \
        if (id_of(out)) {                                                                            \
            errno = EINVAL;                                                                          \
            return -1;                                                                               \
        }                                                                                            \
        return syscall(SYS_sendfile, out, in, offset, count);                                        \
    }
SENDFILE(sendfile)
SENDFILE(sendfile64)

ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count, unsigned flags)
{
    if (id_of(out)) {
        errno = EINVAL;
        return -1;
    }
    return syscall(SYS_splice, in, in_offset, out, out_offset, count, flags);
}

#define MMAP(NAME)                                                                                   \
    void *NAME(void *address, size_t length, int protection, int flags, int fd, off_t offset)        \
    {                                                                                                \
        if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && id_of(fd))               \
            unsupported("shared writable mapping");                                                  \
        return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);            \
    }
MMAP(mmap)
MMAP(mmap64)

/* ------------------------------------------------------------------------------------------------ sizes */

#define FTRUNCATE(NAME)                                                                              \
    int NAME(int fd, off_t size)                                                                     \
    {                                                                                                \
        int result = (int)syscall(SYS_ftruncate, fd, size);                                          \
        uint64_t id = id_of(fd);                                                                     \
        if (result == 0 && id)                                                                       \
            append((struct record){ .kind = KIND_SET_SIZE, .open_id = id, .value = size },           \
                   NULL, NULL, NULL);                                                                \
        return result;                                                                               \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define TRUNCATE(NAME)                                                                               \
    int NAME(const char *path, off_t size)                                                           \
    {                                                                                                \
        char absolute[PATH_MAX];                                                                     \
        const char *relative = resolve(AT_FDCWD, path, absolute);                                    \
        int result = (int)syscall(SYS_truncate, path, size);                                         \
        if (result == 0 && relative)                                                                 \
            append((struct record){ .kind = KIND_SET_SIZE, .value = size }, relative, NULL, NULL);   \
        return result;                                                                               \
    }
TRUNCATE(truncate)
TRUNCATE(truncate64)

static int allocate(int fd, int mode, off_t offset, off_t length)
{
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, length);
    uint64_t id = id_of(fd);
    if (result == 0 && id)
        append((struct record){ .kind = KIND_ALLOCATE, .open_id = id, .mode = (uint16_t)mode, .offset = offset,
                                .value = length },
               NULL, NULL, NULL);
    return result;
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return allocate(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return allocate(fd, mode, offset, length);
}

static int posix_allocate(int fd, off_t offset, off_t length)
{
    int saved = errno;
    int result = allocate(fd, 0, offset, length) == 0 ? 0 : errno;
    errno = saved;
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    return posix_allocate(fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return posix_allocate(fd, offset, length);
}

/* ------------------------------------------------------------------------------------------------ names */

static int renamed(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    char absolute[PATH_MAX], absolute2[PATH_MAX];
    const char *old = resolve(from_dir, from, absolute);
    const char *new = resolve(to_dir, to, absolute2);
    int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (result == 0 && (old || new)) {
        if (!old || !new)
            unsupported("rename across the root");
        else if (flags & ~1u /* RENAME_NOREPLACE */)
            unsupported("renameat2 flags");
        else
            append((struct record){ .kind = KIND_RENAME }, old, new, NULL);
    }
    return result;
}

int rename(const char *from, const char *to)
{
    return renamed(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renamed(from_dir, from, to_dir, to, 0);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return renamed(from_dir, from, to_dir, to, flags);
}

int unlinkat(int dirfd, const char *path, int flags)
{
    char absolute[PATH_MAX];
    const char *relative = resolve(dirfd, path, absolute);
    int result = (int)syscall(SYS_unlinkat, dirfd, path, flags);
    if (result == 0 && relative)
        append((struct record){ .kind = flags & AT_REMOVEDIR ? KIND_RMDIR : KIND_UNLINK }, relative, NULL, NULL);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
    char absolute[PATH_MAX];
    int result = (int)syscall(SYS_mkdirat, dirfd, path, mode);
    const char *relative = result == 0 ? resolve(dirfd, path, absolute) : NULL;
    if (relative)
        append((struct record){ .kind = KIND_MKDIR }, relative, NULL, NULL);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    char absolute[PATH_MAX];
    if (resolve(to_dir, to, absolute))
        unsupported("hard link");
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlinkat(const char *target, int dirfd, const char *path)
{
    char absolute[PATH_MAX];
    if (resolve(dirfd, path, absolute))
        unsupported("symbolic link");
    return (int)syscall(SYS_symlinkat, target, dirfd, path);
}

int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}
