// peernode-init: process 1 of a sandbox (compute.md 4.4). Shared declarations of its few files.
#ifndef PEERNODE_INIT_H
#define PEERNODE_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { FRAMES = 5, REPORTS = 6, ORDERS = 7 };

enum {
    FRAME_BYTES_MAX = 12 << 20,
    LIMITS_MAX = 16,
    ENVIRONMENT_MAX = 160,
    FILES_MAX = 4096,
    COLLECT_MAX = 64,
    ARGUMENTS_MAX = 512,
    PATH_BYTES_MAX = 4096,
    DEPTH_MAX = 32,
    DATA_BYTES_MAX = 64 << 10,
};

// Numbers of Records/Running: FileKind, LimitHit, kinds of reports.
enum { ABSENT = 1, LINK, SOCKET, PIPE, DEVICE, TOO_LARGE, TOO_MANY, BAD_NAME, UNREADABLE, OVER_LIMIT };
enum { LIMIT_WALL = 2, LIMIT_RESULT = 9 };
enum { EXITED = 0, SIGNALLED = 1, NOT_STARTED = 2 };

struct limit {
    uint8_t resource;
    struct rlimit value;
};

struct file {
    char *path;
    bool executable;
    const uint8_t *bytes;
    uint32_t count;
};

struct collect {
    char *path;
    uint64_t bytes_max;
};

// What holds for all items. Texts and bytes point into a copy that lives as long as init.
struct header {
    uint32_t limit_count, environment_count, file_count, collect_count;
    struct limit limits[LIMITS_MAX];
    char *environment[ENVIRONMENT_MAX + 1];
    uint64_t file_time;
    struct file *files;
    struct collect collect[COLLECT_MAX];
    uint64_t artifact_bytes;
    uint32_t artifact_files;
    uint64_t result_bytes;
    uint64_t wall_millis;
};

struct item {
    uint32_t index;
    uint32_t argument_count;
    char *arguments[ARGUMENTS_MAX + 1];
    uint8_t stdin_kind;
    const uint8_t *stdin_bytes;
    uint32_t stdin_count;
    bool has_frame;
    const uint8_t *frame;
    uint32_t frame_count;
};

// frames.c
struct raw_frame {
    uint8_t kind;
    uint8_t *payload;
    uint32_t count;
};
// Waits for the next frame. Ends the process if the daemon is gone or orders the end.
struct raw_frame next_frame(void);
void read_header(const struct raw_frame *frame, struct header *header);
void read_item(const struct raw_frame *frame, struct item *item);

// reports.c
void report_started(uint32_t item, int32_t pid);
void report_ended(uint32_t item, uint8_t end, int32_t number, uint64_t cpu, uint64_t wall, uint64_t resident);
void report_result(const uint8_t *bytes, size_t count);
void report_file(uint16_t entry, const char *path, bool executable, uint64_t length);
void report_bytes(const uint8_t *bytes, size_t count);
void report_refused(uint16_t entry, const char *path, uint8_t kind);
void report_paused(bool paused);
void report_limit(uint8_t limit);
void report_usage(uint64_t cpu);
void report_done(uint32_t item);
void report_finished(void);
// Says what could not be done and ends the sandbox.
_Noreturn void give_up(const char *what, int error);

// files.c
void make_inputs(const struct header *header);
void wipe_scratch(void);
void collect_outputs(const struct header *header);
// A memory file that holds these bytes, at its beginning, sealed.
int memory_file(const char *name, const uint8_t *bytes, size_t count);

// item.c
void run_item(const struct header *header, const struct item *item);

#endif
