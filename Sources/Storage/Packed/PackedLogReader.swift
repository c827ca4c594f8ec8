import Basis
import Records
import Trust
import Wire

/// Reads the blocks of a packed log; every block that is returned was checked.
struct PackedLogReader {
    let store: Store
    let network: NetworkID
    let signer: PublicKey
    let verifier: any Verifying
    let hashing: any Hashing

    static func key(time: UInt64, sequence: UInt64) -> [UInt8] {
        StoreKey([1]).u64(time).u64(sequence).bytes
    }

    static func key(_ block: PackedBlock) -> [UInt8] {
        key(time: block.firstTime, sequence: block.firstSequence)
    }

    static func sequence(inKey key: [UInt8]) -> UInt64 {
        key.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads the row of a block. A valid block under another key than its own is damage too.
    func open(_ row: StoreRow) throws(PackedLogError) -> PackedBlock {
        let sequence = PackedLogReader.sequence(inKey: row.key)
        let block: PackedBlock
        do throws(PackedBlock.Fault) {
            block = try PackedBlock.open(
                row.value, signer: signer, network: network, verifier: verifier, hashing: hashing)
        } catch {
            throw .damaged(sequence: sequence, error)
        }
        if PackedLogReader.key(block) != row.key {
            throw .damaged(sequence: sequence, .encoding(.outOfRange))
        }
        return block
    }

    /// Rows of blocks, at most `limit`, so that memory stays bounded.
    func rows(
        from: [UInt8]? = nil, to: [UInt8]? = nil, reverse: Bool = false, limit: Int
    ) throws(PackedLogError) -> [StoreRow] {
        do throws(StoreError) {
            return try store.scan(
                .packed, prefix: [1], from: from, to: to, reverse: reverse, limit: limit)
        } catch {
            throw .store(error)
        }
    }

    /// Where the log ends, and whether its end is whole.
    func recover() throws(PackedLogError) -> (PackedLog.Tail, PackedLog.Recovery) {
        let row: [UInt8]?
        do throws(StoreError) {
            row = try store.get(.meta, PackedLog.tailKey)
        } catch {
            throw .store(error)
        }
        let tail = row.flatMap { try? PackedLog.Tail(decoding: $0) }
        let newest = try rows(reverse: true, limit: 1).first
        let block = newest.flatMap { row in try? open(row) }
        guard var found = tail else {
            // No tail: a new log, or one whose tail is damaged; the newest block says where it ended.
            guard let newest else { return (PackedLog.Tail(), .clean) }
            var rebuilt = PackedLog.Tail()
            rebuilt.next = block?.nextSequence ?? PackedLogReader.sequence(inKey: newest.key)
            rebuilt.time = block?.lastTime ?? 0
            rebuilt.root = block?.root ?? .zero
            return (rebuilt, .torn(expected: rebuilt.next, found: block?.nextSequence ?? 0))
        }
        let reached = block?.nextSequence ?? 0
        let isWhole =
            newest == nil
            ? found.next == 0 : block != nil && reached == found.next && block?.root == found.root
        if !isWhole {
            // New events go after both, so that no key is used twice and the gap stays visible.
            let expected = found.next
            found.next = max(found.next, reached)
            found.time = max(found.time, block?.lastTime ?? 0)
            return (found, .torn(expected: expected, found: block == nil ? 0 : reached))
        }
        return (found, found.isClosed || found.next == 0 ? .clean : .unclean(next: found.next))
    }
}

extension PackedLog {
    var reader: PackedLogReader {
        PackedLogReader(
            store: store, network: network, signer: signer.publicKey, verifier: verifier,
            hashing: hashing)
    }

    /// Durable events of `stream`, or of all streams, with `from ≤ time < to` and a sequence of at least `after`, in
    /// order, at most `limit`. Root and signature of each block are checked first; a block that fails throws
    /// `damaged`, and nothing of it is returned.
    public func read(
        _ stream: LogStream? = nil, from: UInt64 = 0, to: UInt64 = .max, after: UInt64 = 0,
        limit: Int = 10_000
    ) throws(PackedLogError) -> [LogEvent] {
        let reader = self.reader
        // The block that began last before `from` may reach into the range; none before it does.
        let before = try reader.rows(
            to: PackedLogReader.key(time: from, sequence: 0), reverse: true, limit: 1)
        var start = before.first?.key ?? PackedLogReader.key(time: from, sequence: 0)
        let end = PackedLogReader.key(time: to, sequence: 0)
        var events: [LogEvent] = []
        while events.count < limit {
            let rows = try reader.rows(from: start, to: end, limit: 8)
            guard let last = rows.last else { break }
            start = last.key + [0]
            for row in rows {
                // The header of a block is not trusted before the whole is checked, but a key below the range that
                // ends before `after` needs no look.
                let block = try reader.open(row)
                if block.nextSequence <= after { continue }
                for event in block.events
                where event.time >= from && event.time < to && event.sequence >= after
                    && (stream == nil || stream == event.stream)
                {
                    events.append(event)
                    if events.count == limit { return events }
                }
            }
        }
        return events
    }

    /// Checks every block and that each follows the one before; the number of events. Throws the first fault.
    public func verify() throws(PackedLogError) -> UInt64 {
        let reader = self.reader
        var start: [UInt8]?
        var previous: PackedBlock?
        var count: UInt64 = 0
        while true {
            let rows = try reader.rows(from: start, limit: 8)
            guard let last = rows.last else { break }
            start = last.key + [0]
            for row in rows {
                let block = try reader.open(row)
                if let previous,
                    previous.nextSequence != block.firstSequence || previous.root != block.previous
                {
                    throw .gap(expected: previous.nextSequence, found: block.firstSequence)
                }
                count += UInt64(block.events.count)
                previous = block
            }
        }
        if let previous, previous.nextSequence < durable {
            throw .gap(expected: durable, found: previous.nextSequence)
        }
        return count
    }

    /// Removes blocks that end before `time`: retention. Events at or after `time` stay.
    public func prune(before time: UInt64) throws(PackedLogError) {
        let reader = self.reader
        // The last block that began before `time` may reach beyond it, so it stays.
        let edge = try reader.rows(
            to: PackedLogReader.key(time: time, sequence: 0), reverse: true, limit: 1)
        guard let edge = edge.first else { return }
        var batch = StoreBatch(isSynced: true)
        batch.deleteRange(.packed, from: [1], to: edge.key)
        do throws(StoreError) { try store.writeAndWait(batch) } catch { throw .store(error) }
    }
}
