import Basis
import Records
public import Trust

extension BlobStore {
    /// A collection goes on until usage is at most this share of `blobs.max`, in thousandths (`compute.md` 6.2).
    public static let collectedPermille: UInt64 = 850
    /// Blobs that one pass removes at most, so that the lock is not held for long.
    public static let collectedMax = 1_000

    /// What a collection removed, or would remove.
    public struct Collected: Sendable, Hashable {
        public var blobs: [BlobID] = []
        public var bytes: UInt64 = 0
    }

    /// Removes the least recently used blobs that are neither pinned nor open, until usage is at most 85 % of
    /// `blobs.max`: one pass of at most 1,000. With `isDryRun` it only says which.
    public func collect(isDryRun: Bool = false) throws(BlobError) -> Collected {
        try state.withLock { (state) throws(BlobError) in
            try collect(&state, wanting: 0, isDryRun: isDryRun)
        }
    }

    /// From this share on the owner's regular care collects, in thousandths (`compute.md` 5.7).
    public static let carePermille = 950

    /// The regular care of the store, every minute or so: lapsed pins go, and at 95 % of `blobs.max` a pass collects.
    public func care() throws(BlobError) -> Collected {
        try removeLapsedPins()
        return usePermille >= BlobStore.carePermille ? try collect() : Collected()
    }

    /// Removes a blob that nobody pinned or holds open; false if somebody does or it is not here.
    public func remove(_ id: BlobID) throws(BlobError) -> Bool {
        try state.withLock { (state) throws(BlobError) in
            guard state.open[id] == nil, let record = try record(id), try !isPinned(id) else {
                return false
            }
            try remove(id, record, &state)
            return true
        }
    }

    func collect(
        _ state: inout State, wanting: UInt64, isDryRun: Bool = false
    ) throws(BlobError) -> Collected {
        let goal = state.bytesMax / 1_000 * BlobStore.collectedPermille
        var collection = Collected()
        func isEnough() -> Bool {
            let used =
                state.counts.bytes + state.counts.reservedBytes
                - (isDryRun ? collection.bytes : 0)
            let free = (Paths.freeBytes(path) ?? .max >> 1) + (isDryRun ? collection.bytes : 0)
            return used <= goal && wanting <= state.bytesMax - min(state.bytesMax, used)
                && (wanting == 0 || free >= settings.freeBytesMin + min(wanting, 1 << 50))
        }
        var from: [UInt8]? = nil
        while !isEnough(), collection.blobs.count < BlobStore.collectedMax {
            // A cursor over 64 rows at a time, since what is removed changes the order that it walks.
            let rows = try BlobError.store { () throws(StoreError) in
                try store.scan(.blobs, prefix: [4], from: from, limit: 64)
            }
            guard let last = rows.last else { break }
            from = last.key + [0]
            for row in rows where !isEnough() && collection.blobs.count < BlobStore.collectedMax {
                guard let id = BlobID(row.key.dropFirst(9)) else { throw damagedRow("use") }
                guard state.open[id] == nil, let record = try record(id), try !isPinned(id)
                else { continue }
                if !isDryRun { try remove(id, record, &state) }
                collection.blobs.append(id)
                collection.bytes += record.length
            }
        }
        if !isDryRun { state.counts.collected += UInt64(collection.blobs.count) }
        return collection
    }

    /// Whether a collection would make room for `wanting` bytes more.
    func canCollect(_ wanting: UInt64, _ state: State) throws(BlobError) -> Bool {
        var trial = state
        let plan = try collect(&trial, wanting: wanting, isDryRun: true)
        let used = state.counts.bytes + state.counts.reservedBytes - plan.bytes
        let free = (Paths.freeBytes(path) ?? .max >> 1) + plan.bytes
        return used <= state.bytesMax && wanting <= state.bytesMax - used
            && free >= settings.freeBytesMin && wanting <= free - settings.freeBytesMin
    }

    /// First the rows, then the file: a crash between leaves a file without record, which a sweep removes.
    private func remove(
        _ id: BlobID, _ record: BlobRecord, _ state: inout State
    ) throws(BlobError) {
        try forget(id, record, &state)
        if case .file = record.place {
            try BlobError.file { () throws(FileError) in try Paths.remove(file(id)) }
        }
    }

    /// What a sweep put right.
    public struct Sweep: Sendable, Hashable {
        /// Files that no record knew.
        public var files = 0
        /// Records whose file was gone.
        public var records = 0
        /// Fetches of which one half was gone.
        public var fetches = 0
    }

    /// Removes files without record and records without file, which a crash may leave. Run once after the start, on
    /// the store's thread; others may go on meanwhile.
    public func sweep() throws(BlobError) -> Sweep {
        var sweep = Sweep()
        for folder in try names(path) where folder.utf8.count == 2 {
            for name in try names(path + "/" + folder) {
                let target = "\(path)/\(folder)/\(name)"
                try state.withLock { (_) throws(BlobError) in
                    let id = TextID.bytes(base32: folder + name).flatMap { BlobID($0) }
                    if let id, let record = try record(id), case .file = record.place { return }
                    try BlobError.file { () throws(FileError) in try Paths.remove(target) }
                    sweep.files += 1
                }
            }
        }
        var after: BlobID?
        while true {
            let page = try list(after: after, limit: 256)
            guard let last = page.last else { break }
            after = last.id
            for info in page where info.length > UInt64(BlobStore.inlineBytesMax) {
                try state.withLock { (state) throws(BlobError) in
                    guard let record = try record(info.id), !Paths.exists(file(info.id)) else {
                        return
                    }
                    try forget(info.id, record, &state)
                    sweep.records += 1
                }
            }
        }
        try sweepFetches(&sweep)
        return sweep
    }

    private func sweepFetches(_ sweep: inout Sweep) throws(BlobError) {
        for name in try names(path + "/partial") {
            let id = TextID.bytes(base32: name).flatMap { BlobID($0) }
            let isKnown = try id.map { (id) throws(BlobError) in try fetchRow(id) != nil } ?? false
            if isKnown { continue }
            try BlobError.file { () throws(FileError) in try Paths.remove(path + "/partial/" + name)
            }
            sweep.fetches += 1
        }
        for id in try fetches() where !Paths.exists(partialFile(id)) {
            let isOpen = state.withLock { $0.fetching.contains(id) }
            if isOpen { continue }
            try write(BlobFetch.removal(id))
            sweep.fetches += 1
        }
    }

    private func names(_ folder: String) throws(BlobError) -> [String] {
        try BlobError.file { () throws(FileError) in try Paths.names(in: folder) }
    }
}
