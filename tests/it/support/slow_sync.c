/* Preloaded into a server: while the file that SLOW_SYNC_FILE names exists, every sync takes the milliseconds longer that
 * it holds. So a disk becomes slow, and quick again, under a running server. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void linger(void) {
    const char *path = getenv("SLOW_SYNC_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    long milliseconds = 0;
    if (!file) return;
    if (fscanf(file, "%ld", &milliseconds) == 1 && milliseconds > 0 && milliseconds < 60000)
        usleep((useconds_t)milliseconds * 1000);
    fclose(file);
}

static int slowly(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    linger();
    return real ? real(fd) : -1;
}

int fdatasync(int fd) { return slowly("fdatasync", fd); }

int fsync(int fd) { return slowly("fsync", fd); }
