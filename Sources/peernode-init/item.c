// One item: start the program, watch it, end what it left, then hand out its files.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

static uint64_t now_micros(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static uint64_t micros(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

// User and system time of every process that has been reaped so far; orphans are reaped here too.
static uint64_t children_micros(long *resident) {
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage)) return 0;
    if (resident) *resident = usage.ru_maxrss;
    return micros(usage.ru_utime) + micros(usage.ru_stime);
}

// `execve` by the sandbox's own PATH. Returns the error to report: that of the last try that was not "not there".
static int start_program(const struct header *header, const struct item *item) {
    char *name = item->arguments[0];
    char **environment = (char **)header->environment;
    if (strchr(name, '/')) {
        execve(name, item->arguments, environment);
        return errno;
    }
    if (!*name) return ENOENT;
    const char *path = "/usr/bin:/bin";
    for (uint32_t i = 0; i < header->environment_count; i++) {
        if (!strncmp(environment[i], "PATH=", 5)) path = environment[i] + 5;
    }
    int error = ENOENT;
    while (*path) {
        size_t length = strcspn(path, ":");
        char full[PATH_BYTES_MAX];
        if (length > 0 && length + strlen(name) + 2 < sizeof full) {
            memcpy(full, path, length);
            full[length] = '/';
            strcpy(full + length + 1, name);
            execve(full, item->arguments, environment);
            if (errno != ENOENT && errno != ENOTDIR) error = errno;
        }
        path += length;
        if (*path) path++;
    }
    return error;
}

// Descriptors that the program gets, all above those that it will have.
struct gifts {
    int input, frame, result, error;
};

// Runs in the child. Whatever fails is told through `gifts.error`, as the number of the error.
static _Noreturn void become_program(
    const struct header *header, const struct item *item, struct gifts gifts
) {
    int error = 0;
    setsid();
    umask(022);
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    if (chdir("/job")) error = errno;
    if (!error && dup2(gifts.input, 0) < 0) error = errno;
    if (!error && gifts.frame >= 0 && dup2(gifts.frame, 3) < 0) error = errno;
    if (!error && gifts.result >= 0 && dup2(gifts.result, 4) < 0) error = errno;
    // The error pipe is close-on-exec too; everything from here on is.
    unsigned first = gifts.frame >= 0 ? 5u : 3u;
    if (!error && syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC)) {
        for (int fd = (int)first; fd < 1024; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    for (uint32_t i = 0; !error && i < header->limit_count; i++) {
        struct rlimit value = header->limits[i].value, present;
        // A limit that is already lower cannot be raised, and need not be.
        if (getrlimit(header->limits[i].resource, &present)) error = errno;
        if (value.rlim_max > present.rlim_max) value.rlim_max = present.rlim_max;
        if (value.rlim_cur > value.rlim_max) value.rlim_cur = value.rlim_max;
        if (!error && setrlimit(header->limits[i].resource, &value)) error = errno;
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!error) error = start_program(header, item);
    ssize_t n = write(gifts.error, &error, sizeof error);
    (void)n;
    _exit(127);
}

static int open_input(const struct item *item) {
    if (item->stdin_kind == 1) return memory_file("stdin", item->stdin_bytes, item->stdin_count);
    const char *path = "/dev/null";
    char *copy = NULL;
    if (item->stdin_kind == 2) {
        copy = strndup((const char *)item->stdin_bytes, item->stdin_count);
        if (!copy) give_up("hold a path", ENOMEM);
        path = copy;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) give_up("open standard input", errno);
    free(copy);
    return fd;
}

// A duplicate above the numbers that the program will have, so that `dup2` cannot close one that is still needed.
static int raised(int fd) {
    if (fd < 0) return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 20);
    if (high < 0) give_up("duplicate a descriptor", errno);
    close(fd);
    return high;
}

struct watch {
    uint32_t index;
    pid_t main;
    bool main_ended;
    int status;
    int result;  // read end of the result channel, or -1
    uint64_t result_left;
    int signals, timer;
    bool gentle;
};

// Everything in this namespace but process 1 itself.
static void kill_all(void) { kill(-1, SIGKILL); }

static void set_timer(int timer, uint64_t millis) {
    struct itimerspec value = {{0, 0}, {(time_t)(millis / 1000), (long)(millis % 1000) * 1000000}};
    if (millis == 0) value.it_value.tv_nsec = 1;
    timerfd_settime(timer, 0, &value, NULL);
}

static void obey(struct watch *watch) {
    char order;
    ssize_t n = read(ORDERS, &order, 1);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        // The daemon is gone: nobody waits for what this would give.
        kill_all();
        _exit(0);
    }
    switch (order) {
    case 'k':
        kill_all();
        break;
    case 't':
        kill(-1, SIGTERM);
        kill(-1, SIGCONT);
        watch->gentle = true;
        set_timer(watch->timer, 2000);
        break;
    case 'p':
        kill(-1, SIGSTOP);
        report_paused(true);
        break;
    case 'c':
        kill(-1, SIGCONT);
        report_paused(false);
        break;
    case 'u':
        report_usage(children_micros(NULL));
        break;
    default:
        break;
    }
}

// Passes on what is in the result channel. False at its end.
static bool pass_result(struct watch *watch) {
    static uint8_t buffer[DATA_BYTES_MAX];
    ssize_t n = read(watch->result, buffer, sizeof buffer);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    if (n == 0) return false;
    if ((uint64_t)n > watch->result_left) {
        if (watch->result_left != UINT64_MAX) report_limit(LIMIT_RESULT);
        kill_all();
        watch->result_left = 0;
        return false;
    }
    watch->result_left -= (uint64_t)n;
    report_result(buffer, (size_t)n);
    return true;
}

static void close_result(struct watch *watch) {
    close(watch->result);
    watch->result = -1;
}

static void reap(struct watch *watch) {
    struct signalfd_siginfo info[8];
    ssize_t n = read(watch->signals, info, sizeof info);
    (void)n;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == watch->main) {
            watch->main_ended = true;
            watch->status = status;
        }
    }
}

static void watch_until_main_ends(struct watch *watch) {
    while (!watch->main_ended) {
        struct pollfd waits[4] = {
            {watch->signals, POLLIN, 0},
            {ORDERS, POLLIN, 0},
            {watch->timer, POLLIN, 0},
            {watch->result, POLLIN, 0},
        };
        if (poll(waits, 4, -1) < 0) {
            if (errno == EINTR) continue;
            give_up("watch the program", errno);
        }
        if (waits[1].revents) obey(watch);
        if (waits[3].revents && !pass_result(watch)) close_result(watch);
        if (waits[2].revents) {
            uint64_t rings;
            ssize_t n = read(watch->timer, &rings, sizeof rings);
            (void)n;
            if (!watch->gentle) report_limit(LIMIT_WALL);
            kill_all();
        }
        if (waits[0].revents) reap(watch);
    }
}

// Ends and reaps all others. A process that is just being made is found by the next round.
static void end_the_rest(void) {
    for (;;) {
        kill_all();
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) continue;
        if (pid < 0 && errno == ECHILD) return;
        struct timespec moment = {0, 200000};
        nanosleep(&moment, NULL);
    }
}

static void report_end(const struct watch *watch, int error, uint64_t cpu, uint64_t wall, long resident) {
    uint8_t end = EXITED;
    int32_t number = 0;
    if (error) {
        end = NOT_STARTED;
        number = error;
    } else if (WIFSIGNALED(watch->status)) {
        end = SIGNALLED;
        number = WTERMSIG(watch->status);
    } else {
        number = WEXITSTATUS(watch->status);
    }
    report_ended(watch->index, end, number, cpu, wall, (uint64_t)resident);
}

void run_item(const struct header *header, const struct item *item) {
    int errors[2], results[2] = {-1, -1};
    if (pipe2(errors, O_CLOEXEC)) give_up("make a pipe", errno);
    if (item->has_frame && pipe2(results, O_CLOEXEC)) give_up("make a pipe", errno);
    struct gifts gifts = {
        raised(open_input(item)),
        item->has_frame ? raised(memory_file("frame", item->frame, item->frame_count)) : -1,
        raised(results[1]),
        raised(errors[1]),
    };
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    struct watch watch = {.index = item->index, .result = results[0], .result_left = header->result_bytes};
    watch.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    watch.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watch.signals < 0 || watch.timer < 0) give_up("watch the program", errno);
    uint64_t cpu = children_micros(NULL), start = now_micros();
    watch.main = fork();
    if (watch.main < 0) give_up("start a process", errno);
    if (watch.main == 0) become_program(header, item, gifts);
    close(gifts.input);
    if (gifts.frame >= 0) close(gifts.frame);
    if (gifts.result >= 0) close(gifts.result);
    close(gifts.error);
    set_timer(watch.timer, header->wall_millis);
    report_started(item->index, watch.main);
    // Closed by a successful exec, else it holds the error. The program cannot have it.
    int error = 0;
    ssize_t n;
    do n = read(errors[0], &error, sizeof error); while (n < 0 && errno == EINTR);
    if (n != sizeof error) error = 0;
    close(errors[0]);
    watch_until_main_ends(&watch);
    uint64_t wall = now_micros() - start;
    end_the_rest();
    while (watch.result >= 0) {
        if (!pass_result(&watch)) close_result(&watch);
    }
    close(watch.signals);
    close(watch.timer);
    long resident = 0;
    uint64_t after = children_micros(&resident);
    report_end(&watch, error, after - cpu, wall, resident);
    if (!error) collect_outputs(header);
    report_done(item->index);
}
