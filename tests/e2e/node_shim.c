/* Loaded before the C library by the processes of a pretended node (nodes.py): its wall clock, and its file locks.

   SHIM_CLOCK_S   seconds that the wall clock is ahead; the monotonic clock is left alone
   SHIM_LOCKS     a folder: locks are held there, so that only those who name the same folder see them, as where each
                  node has locks of its own; none: there are no locks */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead_s(void) {
    const char *said = getenv("SHIM_CLOCK_S");
    return said ? atol(said) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, found);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) found->tv_sec += ahead_s();
    return failed;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int failed = real(found, zone);
    if (!failed) found->tv_sec += ahead_s();
    return failed;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}

/* Handle -> the file that is locked in its place, where a node has locks of its own; 0: none. */
static int stands_in[65536];

int close(int handle) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (handle >= 0 && handle < 65536 && stands_in[handle]) {
        real(stands_in[handle]);
        stands_in[handle] = 0;
    }
    return real(handle);
}

int flock(int handle, int operation) {
    static int (*real)(int, int);
    const char *folder = getenv("SHIM_LOCKS");
    if (!real) real = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    if (!folder) return real(handle, operation);
    if (!strcmp(folder, "none")) {
        errno = ENOLCK;
        return -1;
    }
    if (!stands_in[handle]) {
        char path[4096];
        struct stat found;
        if (fstat(handle, &found)) return -1;
        snprintf(path, sizeof path, "%s/%ld", folder, (long)found.st_ino);
        int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (opened < 0) return -1;
        stands_in[handle] = opened;
    }
    return real(stands_in[handle], operation);
}
