// Reports to the daemon: {u8 kind, u32 length, payload}; layouts in Sources/Records/Running/InitReports.swift.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

static struct {
    uint8_t bytes[5 + DATA_BYTES_MAX + 64];
    size_t count;
} report;

static void begin(uint8_t kind) {
    report.bytes[0] = kind;
    report.count = 5;
}
static void put(const void *bytes, size_t count) {
    if (report.count + count > sizeof report.bytes) _exit(124);
    memcpy(report.bytes + report.count, bytes, count);
    report.count += count;
}
static void put_u8(uint8_t value) { put(&value, 1); }
static void put_number(uint64_t value, int size) {
    for (int i = 0; i < size; i++) put_u8((uint8_t)(value >> (8 * i)));
}
static void put_bytes(const void *bytes, size_t count) {
    put_number(count, 4);
    put(bytes, count);
}
static void send_report(void) {
    size_t length = report.count - 5;
    for (int i = 0; i < 4; i++) report.bytes[1 + i] = (uint8_t)(length >> (8 * i));
    for (size_t sent = 0; sent < report.count;) {
        ssize_t n = write(REPORTS, report.bytes + sent, report.count - sent);
        if (n < 0 && errno == EINTR) continue;
        // Without a reader there is nobody to work for. Ending process 1 ends the sandbox.
        if (n <= 0) _exit(124);
        sent += (size_t)n;
    }
}

void report_started(uint32_t item, int32_t pid) {
    begin(1);
    put_number(item, 4);
    put_number((uint32_t)pid, 4);
    send_report();
}

void report_ended(uint32_t item, uint8_t end, int32_t number, uint64_t cpu, uint64_t wall, uint64_t resident) {
    begin(2);
    put_number(item, 4);
    put_u8(end);
    put_number((uint32_t)number, 4);
    put_number(cpu, 8);
    put_number(wall, 8);
    put_number(resident, 8);
    send_report();
}

void report_result(const uint8_t *bytes, size_t count) {
    begin(3);
    put_bytes(bytes, count);
    send_report();
}

void report_file(uint16_t entry, const char *path, bool executable, uint64_t length) {
    begin(4);
    put_number(entry, 2);
    put_bytes(path, strlen(path));
    put_u8(executable);
    put_number(length, 8);
    send_report();
}

void report_bytes(const uint8_t *bytes, size_t count) {
    begin(5);
    put_bytes(bytes, count);
    send_report();
}

void report_refused(uint16_t entry, const char *path, uint8_t kind) {
    begin(6);
    put_number(entry, 2);
    put_bytes(path, strlen(path));
    put_u8(kind);
    send_report();
}

void report_paused(bool paused) {
    begin(7);
    put_u8(paused);
    send_report();
}

void report_limit(uint8_t limit) {
    begin(8);
    put_u8(limit);
    send_report();
}

void report_usage(uint64_t cpu) {
    begin(9);
    put_number(cpu, 8);
    send_report();
}

void report_done(uint32_t item) {
    begin(11);
    put_number(item, 4);
    send_report();
}

void report_finished(void) {
    begin(12);
    send_report();
}

_Noreturn void give_up(const char *what, int error) {
    begin(10);
    put_bytes(what, strlen(what));
    put_number((uint32_t)error, 4);
    send_report();
    _exit(119);
}
