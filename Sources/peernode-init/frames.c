// Frames of the daemon: {u8 kind, u32 length, payload}; layouts in Sources/Records/Running/InitFrames.swift.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

// Reads exactly `count` bytes of the frame descriptor; meanwhile an order, or the daemon's end, ends this process.
static void read_frame_bytes(uint8_t *bytes, size_t count) {
    while (count > 0) {
        struct pollfd waits[2] = {{FRAMES, POLLIN, 0}, {ORDERS, POLLIN, 0}};
        if (poll(waits, 2, -1) < 0) {
            if (errno == EINTR) continue;
            give_up("wait for a frame", errno);
        }
        if (waits[1].revents) {
            char order;
            ssize_t n = read(ORDERS, &order, 1);
            if (n <= 0 || order == 'k' || order == 't') {
                kill(-1, SIGKILL);
                _exit(0);
            }
        }
        if (!waits[0].revents) continue;
        ssize_t n = read(FRAMES, bytes, count);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(123);
        bytes += n;
        count -= (size_t)n;
    }
}

static uint32_t word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

struct raw_frame next_frame(void) {
    uint8_t start[5];
    read_frame_bytes(start, sizeof start);
    struct raw_frame frame = {start[0], NULL, word(start + 1)};
    if (frame.count > FRAME_BYTES_MAX) give_up("read a frame", EMSGSIZE);
    frame.payload = malloc(frame.count + 1u);
    if (!frame.payload) give_up("hold a frame", ENOMEM);
    read_frame_bytes(frame.payload, frame.count);
    return frame;
}

struct cursor {
    const uint8_t *at, *end;
};

static const uint8_t *take(struct cursor *cursor, size_t count) {
    if ((size_t)(cursor->end - cursor->at) < count) give_up("read a frame", EBADMSG);
    const uint8_t *bytes = cursor->at;
    cursor->at += count;
    return bytes;
}
static uint8_t take_u8(struct cursor *cursor) { return *take(cursor, 1); }
static uint32_t take_u32(struct cursor *cursor) { return word(take(cursor, 4)); }
static uint64_t take_u64(struct cursor *cursor) {
    uint64_t low = take_u32(cursor);
    return low | (uint64_t)take_u32(cursor) << 32;
}
static bool take_bool(struct cursor *cursor) {
    uint8_t value = take_u8(cursor);
    if (value > 1) give_up("read a frame", EBADMSG);
    return value == 1;
}
static uint32_t take_count(struct cursor *cursor, uint32_t max) {
    uint32_t count = take_u32(cursor);
    if (count > max) give_up("read a frame", E2BIG);
    return count;
}
static const uint8_t *take_bytes(struct cursor *cursor, uint32_t *count) {
    *count = take_u32(cursor);
    return take(cursor, *count);
}
// A text without zero bytes, as a copy with one at its end.
static char *take_text(struct cursor *cursor, uint32_t max) {
    uint32_t count;
    const uint8_t *bytes = take_bytes(cursor, &count);
    if (count > max || memchr(bytes, 0, count)) give_up("read a frame", EBADMSG);
    char *text = malloc(count + 1u);
    if (!text) give_up("hold a frame", ENOMEM);
    memcpy(text, bytes, count);
    text[count] = 0;
    return text;
}
static void finish(const struct cursor *cursor) {
    if (cursor->at != cursor->end) give_up("read a frame", EBADMSG);
}

void read_header(const struct raw_frame *frame, struct header *header) {
    struct cursor cursor = {frame->payload, frame->payload + frame->count};
    if (take_u8(&cursor) != 1) give_up("read a frame of another version", EPROTO);
    header->limit_count = take_count(&cursor, LIMITS_MAX);
    for (uint32_t i = 0; i < header->limit_count; i++) {
        header->limits[i].resource = take_u8(&cursor);
        header->limits[i].value.rlim_cur = take_u64(&cursor);
        header->limits[i].value.rlim_max = take_u64(&cursor);
    }
    header->environment_count = take_count(&cursor, ENVIRONMENT_MAX);
    for (uint32_t i = 0; i < header->environment_count; i++) {
        header->environment[i] = take_text(&cursor, 64 << 10);
    }
    header->file_time = take_u64(&cursor);
    header->file_count = take_count(&cursor, FILES_MAX);
    header->files = calloc(header->file_count + 1u, sizeof(struct file));
    if (!header->files) give_up("hold a frame", ENOMEM);
    for (uint32_t i = 0; i < header->file_count; i++) {
        struct file *file = &header->files[i];
        file->path = take_text(&cursor, PATH_BYTES_MAX);
        file->executable = take_bool(&cursor);
        file->bytes = take_bytes(&cursor, &file->count);
    }
    header->collect_count = take_count(&cursor, COLLECT_MAX);
    for (uint32_t i = 0; i < header->collect_count; i++) {
        header->collect[i].path = take_text(&cursor, PATH_BYTES_MAX);
        header->collect[i].bytes_max = take_u64(&cursor);
    }
    header->artifact_bytes = take_u64(&cursor);
    header->artifact_files = take_u32(&cursor);
    header->result_bytes = take_u64(&cursor);
    header->wall_millis = take_u64(&cursor);
    finish(&cursor);
}

void read_item(const struct raw_frame *frame, struct item *item) {
    struct cursor cursor = {frame->payload, frame->payload + frame->count};
    item->index = take_u32(&cursor);
    item->argument_count = take_count(&cursor, ARGUMENTS_MAX);
    if (item->argument_count == 0) give_up("read a frame", EBADMSG);
    for (uint32_t i = 0; i < item->argument_count; i++) {
        item->arguments[i] = take_text(&cursor, 64 << 10);
    }
    item->arguments[item->argument_count] = NULL;
    item->stdin_kind = take_u8(&cursor);
    if (item->stdin_kind > 2) give_up("read a frame", EBADMSG);
    item->stdin_bytes = take_bytes(&cursor, &item->stdin_count);
    item->has_frame = take_bool(&cursor);
    if (item->has_frame) item->frame = take_bytes(&cursor, &item->frame_count);
    finish(&cursor);
}
