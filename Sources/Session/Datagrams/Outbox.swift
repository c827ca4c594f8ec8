import Basis
import Records

/// Messages that wait for a datagram (`gossip.md` 6): link messages first, then application messages, ids, records.
struct Outbox: Sendable {
    /// Of each datagram, bytes that are theirs if any wait.
    static let applicationShare = 400
    static let idShare = 128

    /// Encoded parts by class, oldest first.
    var queues = [[[UInt8]]](repeating: [], count: OutboxClass.allCases.count)
    private(set) var bytes = 0

    var isEmpty: Bool { bytes == 0 }

    /// Queues a part; what no longer fits is dropped: the oldest of the lowest class, also this one itself.
    /// Returns how many were dropped.
    mutating func add(_ part: [UInt8], _ outboxClass: OutboxClass, bytesMax: Int) -> Int {
        queues[Int(outboxClass.rawValue)].append(part)
        bytes += part.count
        var dropped = 0
        while bytes > bytesMax, let last = queues.lastIndex(where: { !$0.isEmpty }) {
            bytes -= queues[last].removeFirst().count
            dropped += 1
        }
        return dropped
    }

    mutating func removeAll() -> Int {
        let count = queues.reduce(0) { $0 + $1.count }
        self = Outbox()
        return count
    }

    /// The next compound of at most 1,167 bytes and 32 parts; nil if nothing waits.
    mutating func next() -> [UInt8]? {
        if isEmpty { return nil }
        var packed: [UInt8] = []
        var parts = 0
        func waiting(_ outboxClass: OutboxClass) -> Bool { !queues[Int(outboxClass.rawValue)].isEmpty }
        let ids = waiting(.ids) ? Outbox.idShare : 0
        let application = waiting(.application) ? Outbox.applicationShare : 0
        take(.link, Compound.bytesMax - application - ids, &packed, &parts)
        take(.application, Compound.bytesMax - ids, &packed, &parts)
        take(.ids, Compound.bytesMax, &packed, &parts)
        takeLargest(&packed, &parts)
        // A part that shares kept out goes when nothing else fitted.
        for outboxClass in OutboxClass.allCases where packed.isEmpty {
            take(outboxClass, Compound.bytesMax, &packed, &parts)
        }
        invariant(!packed.isEmpty, "\(bytes) bytes wait and none fits")
        bytes -= packed.count
        return packed
    }

    private mutating func take(
        _ outboxClass: OutboxClass, _ bytesMax: Int, _ packed: inout [UInt8], _ parts: inout Int
    ) {
        let index = Int(outboxClass.rawValue)
        var taken = 0
        for part in queues[index] {
            if parts == Compound.partsMax || packed.count + part.count > bytesMax { break }
            packed += part
            parts += 1
            taken += 1
        }
        queues[index].removeFirst(taken)
    }

    /// Records and items: the largest that still fits, ties by age.
    private mutating func takeLargest(_ packed: inout [UInt8], _ parts: inout Int) {
        let index = Int(OutboxClass.records.rawValue)
        while parts < Compound.partsMax {
            let room = Compound.bytesMax - packed.count
            var best: Int?
            for (i, part) in queues[index].enumerated() where part.count <= room {
                if best.map({ queues[index][$0].count < part.count }) ?? true { best = i }
            }
            guard let best else { return }
            packed += queues[index].remove(at: best)
            parts += 1
        }
    }
}
