// Greed: W17, W18, W20, W21. How far it gets is judged from outside, where it can be.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static void fork_bomb(void) {
    long limit = given_number("pids"), made = 0;
    // This process counts too.
    for (; made < limit * 4; made++) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0) {
            for (;;) pause();
        }
    }
    if (made + 1 > limit + 4) broken("%ld processes, the limit is %ld", made + 1, limit);
    else found("%ld processes, then %s", made + 1, name_of(errno));
}

// Private memory first, which the resource limit ends; then shared memory, which only the meter sees.
static void allocator(void) {
    long limit = given_number("memory");
    size_t step = 1 << 20;
    long taken = 0;
    while (taken < limit * 4) {
        char *block = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) break;
        memset(block, 1, step);
        taken += (long)step;
    }
    long shared = 0;
    while (shared < limit * 4) {
        char *block = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) break;
        memset(block, 1, step);
        shared += (long)step;
    }
    broken("%ld bytes private and %ld shared, the limit is %ld", taken, shared, limit);
}

static uint64_t cpu_millis(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void burner(void) {
    signal(SIGXCPU, SIG_IGN);
    uint64_t limit = (uint64_t)given_number("millis");
    while (cpu_millis() < limit * 4) continue;
    broken("%llu ms of CPU time, the limit is %llu ms", (unsigned long long)limit * 4, (unsigned long long)limit);
}

static void flood(void) {
    static char block[64 << 10];
    memset(block, 'x', sizeof block);
    long limit = given_number("output");
    for (long done = 0; done < limit * 4;) {
        ssize_t n = write(1, block, sizeof block);
        if (n <= 0) break;
        done += n;
    }
    broken("%ld bytes were written, the limit is %ld", limit * 4, limit);
}

const struct wall limit_walls[] = {{"W17", fork_bomb}, {"W18", allocator}, {"W20", burner}, {"W21", flood}, {NULL, NULL}};
