/* A small program that writes files below a directory in the way that its first argument names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static int make(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0640);
    check(fd >= 0, path);
    return fd;
}

static void put(int fd, const char *text, off_t offset)
{
    check(pwrite(fd, text, strlen(text), offset) == (ssize_t)strlen(text), "pwrite");
}

static void sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    check(fd >= 0 && fsync(fd) == 0, "fsync of a directory");
    close(fd);
}

static void every_call(void)
{
    check(mkdir("d", 0700) == 0, "mkdir");
    int fd = make("d/log");
    check(fallocate(fd, 0, 0, 8192) == 0, "fallocate");
    put(fd, "one ", 0);
    struct iovec parts[2] = { { "two ", 4 }, { "three ", 6 } };
    check(lseek(fd, 4, SEEK_SET) == 4 && writev(fd, parts, 2) == 10, "writev");
    check(pwritev(fd, parts, 2, 14) == 10, "pwritev");
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    check(copy >= 0 && write(copy, "four", 4) == 4, "write through a copy");
    close(fd);
    check(fdatasync(copy) == 0 && ftruncate(copy, 24) == 0 && fsync(copy) == 0, "sync");
    close(copy);
    int tail = open("tail", O_WRONLY | O_CREAT | O_APPEND, 0600);
    check(tail >= 0 && write(tail, "ap", 2) == 2 && write(tail, "pend", 4) == 4 && fsync(tail) == 0, "append");
    close(tail);
    int gone = make("gone");
    check(fsync(gone) == 0 && unlink("gone") == 0, "unlink");
    close(gone);
    sync_dir(".");
}

int main(int count, char **arguments)
{
    check(count == 3 && chdir(arguments[2]) == 0, "usage: writer HOW DIR");
    const char *how = arguments[1];
    if (!strcmp(how, "every-call")) {
        every_call();
        return 0;
    }
    int fd = make("file");
    if (!strcmp(how, "synced")) {
        put(fd, "kept", 0);
        check(fdatasync(fd) == 0, "fdatasync");
        put(fd, " lost", 4);
    } else if (!strcmp(how, "range")) {
        check(fsync(fd) == 0, "fsync");
        put(fd, "nothing", 0);
        check(sync_file_range(fd, 0, 7, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
              SYNC_FILE_RANGE_WAIT_AFTER) == 0, "sync_file_range");
    } else if (!strcmp(how, "rename")) {
        put(fd, "old", 0);
        check(fsync(fd) == 0, "fsync");
        int tmp = make("file.tmp");
        put(tmp, "new", 0);
        check(fsync(tmp) == 0 && rename("file.tmp", "file") == 0, "rename");
    } else if (!strcmp(how, "sync-only")) {
        check(fsync(fd) == 0, "fsync");
    } else if (!strcmp(how, "mapped")) {
        check(ftruncate(fd, 4096) == 0, "ftruncate");
        check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
    } else if (!strcmp(how, "unseen")) {
        char name[16];
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "raw%d", i);
            check(syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT, 0600) >= 0, "raw openat");
        }
    } else if (!strcmp(how, "unrecorded")) {
        /* As if killed between the call and its record. */
        check(syscall(SYS_pwrite64, fd, "late", 4, 0) == 4, "raw pwrite");
        check(make("mark.tmp") >= 0 && syscall(SYS_rename, "mark.tmp", "mark") == 0, "raw rename");
    } else {
        return 2;
    }
    return 0;
}
