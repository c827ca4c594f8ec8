import Basis
import Foundation
import Simulator

/// The folder of one run: outcome, plan, report, figures, and what its peers did last (`simulation.md` 22).
struct RunFolder {
    let path: String

    /// `peersim-out/<scenario>-<seed>` unless a folder was named.
    init(_ named: String?, scenario: String, seed: UInt64) {
        path = named ?? "peersim-out/\(scenario)-\(String(seed, radix: 16))"
    }

    /// - Throws: exit code 74 with a word to standard error.
    func write(_ result: WorldRun.Result) throws {
        let record = result.record
        try put("outcome.json", OutcomeJSON.line(record) + "\n")
        try put("plan.yaml", PlanWriter.yaml(record.plan))
        try put("report.html", ReportPage.html(record))
        for series in record.series { try put("series/\(series.name).csv", SeriesCSV.text(series)) }
        if !record.plan.expects.isMet(by: record.outcome) { try writeLogs(record.lastEvents) }
        if !result.recorded.isEmpty { try put("run.pntrace", bytes: TraceFile.bytes(result.recorded)) }
    }

    /// One text for each peer that said something, and one for the world.
    private func writeLogs(_ events: [ToldEvent]) throws {
        let peers = events.map(\.peer).sorted().reduce(into: [Int]()) { if $0.last != $1 { $0.append($1) } }
        for peer in peers {
            let lines = events.filter { $0.peer == peer }.map { StoryLine.text($0) }
            try put(peer < 0 ? "logs/world.log" : "logs/peer-\(peer).log", lines.joined(separator: "\n") + "\n")
        }
    }

    func put(_ name: String, _ text: String) throws { try put(name, bytes: Array(text.utf8)) }

    func put(_ name: String, bytes: [UInt8]) throws {
        try OutputFile.write(bytes, to: URL(fileURLWithPath: path).appendingPathComponent(name))
    }
}

/// A line of a story, for people.
enum StoryLine {
    static func text(_ event: ToldEvent) -> String {
        let millis = event.at.milliseconds
        let rest = String(millis % 1_000)
        let stamp = "\(millis / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
        let who = event.peer < 0 ? "world" : "peer \(event.peer)"
        return "\(stamp) s  event \(event.number)  \(who)  \(event.kind)  \(event.text)"
    }
}

/// `.pntrace`: eight bytes of a name, then 40 bytes an event, little-endian.
enum TraceFile {
    static let name = Array("pntrace1".utf8)
    static let eventBytes = 40

    static func bytes(_ events: [TraceEvent]) -> [UInt8] {
        var out = name
        out.reserveCapacity(name.count + events.count * eventBytes)
        func put(_ word: UInt64) { for k in 0..<8 { out.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * k))) } }
        for event in events {
            put(event.number)
            put(UInt64(bitPattern: event.at.nanoseconds))
            put(UInt64(bitPattern: Int64(event.peer)) << 8 | UInt64(event.kind))
            put(event.order)
            put(event.payload)
        }
        return out
    }

    /// Nil if these are no such bytes.
    static func events(_ bytes: [UInt8]) -> [TraceEvent]? {
        guard bytes.starts(with: name), (bytes.count - name.count) % eventBytes == 0 else { return nil }
        return stride(from: name.count, to: bytes.count, by: eventBytes).map { start in
            func word(_ index: Int) -> UInt64 {
                (0..<8).reduce(0) { $0 | UInt64(bytes[start + index * 8 + $1]) << UInt64(8 * $1) }
            }
            return TraceEvent(
                number: word(0), at: .nanoseconds(Int64(bitPattern: word(1))),
                peer: Int(Int64(bitPattern: word(2)) >> 8),
                kind: UInt8(word(2) & 0xff), order: word(3), payload: word(4))
        }
    }
}
