import Foundation
import Glibc

/// One JSON line: what was measured, and on what.
struct Line {
    var fields: [(String, String)]

    init(_ name: String) {
        fields = [
            ("bench", "\"\(name)\""), ("cores", String(ProcessInfo.processInfo.activeProcessorCount)),
            ("at", "\"\(ISO8601DateFormatter().string(from: Date()))\""),
        ]
    }

    func with(_ key: String, _ value: Double) -> Line {
        adding(key, value.isFinite ? String(format: "%.3f", value) : "null")
    }
    func with(_ key: String, _ value: Int) -> Line { adding(key, String(value)) }
    func with(_ key: String, _ value: String) -> Line {
        adding(key, "\"\(value.replacingOccurrences(of: "\"", with: "'"))\"")
    }

    func adding(_ key: String, _ text: String) -> Line {
        var copy = self
        copy.fields.append((key, text))
        return copy
    }

    func print() {
        Swift.print("{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}")
        fflush(nil)
    }
}

/// CPU time of this process in seconds, all threads.
func processSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

func wallSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
