import Basis
public import Records

extension StoreBatch {
    /// Whether it puts nothing, so that it may go to a disk that is nearly full.
    var onlyDeletes: Bool {
        operations.allSatisfy {
            if case .put = $0 { false } else { true }
        }
    }

    /// Roughly the bytes that it takes in the queue and in the log.
    var weight: Int {
        operations.reduce(16) {
            switch $1 {
            case .put(_, let key, let value): $0 + key.count + value.count + 16
            case .delete(_, let key): $0 + key.count + 16
            case .deleteRange(_, let from, let to): $0 + from.count + to.count + 16
            }
        }
    }
}

extension Store {
    /// Queues `batch`. `completion` is called once, on the writer thread, in the order of the calls: after the batch is
    /// written, and on the disk if it is synced; or with the reason why it is not.
    ///
    /// Batches that wait together become one write; if that fails, all of them fail.
    public func write(_ batch: StoreBatch, _ completion: @escaping Completion) {
        let weight = batch.weight
        let isTaken = queue.withLock { state in
            if state.isClosing { return false }
            if state.bytes + weight > settings.queueBytesMax {
                // Its place in the order stays, its rows do not.
                state.requests.append(.refuse(completion))
            } else {
                state.bytes += weight
                state.requests.append(.write(batch, completion))
            }
            return true
        }
        if isTaken { queue.signal() } else { completion(.failure(.closed)) }
    }

    /// Writes `batch` and waits: for start-up, for other threads' own rows, and for tests. Never on the loop thread,
    /// never in a completion.
    public func writeAndWait(_ batch: StoreBatch) throws(StoreError) {
        try wait { write(batch, $0) }
    }

    /// Takes writes again after a failure, if there is space: opens the database anew when its state is unknown, so
    /// that what counts is what is on the disk. Without an earlier failure it does nothing and succeeds.
    ///
    /// `completion` is called on the writer thread. If it fails, the store stays as it was: reads go on.
    public func resume(_ completion: @escaping Completion) {
        let isTaken = queue.withLock { state in
            if !state.isClosing { state.requests.append(.resume(completion)) }
            return !state.isClosing
        }
        if isTaken { queue.signal() } else { completion(.failure(.closed)) }
    }

    /// `resume`, waiting for its end.
    public func resumeAndWait() throws(StoreError) {
        try wait { resume($0) }
    }

    // MARK: the writer thread

    func runWriter() {
        while true {
            let requests: [Request] = queue.wait { state in
                if state.requests.isEmpty { return state.isClosing ? .done([]) : .again }
                return .done(self.takeGroup(&state))
            }
            if requests.isEmpty { return }
            carryOut(requests)
        }
    }

    /// The requests of one merged write: as many as wait, up to `groupBytesMax`; anything but a write goes alone.
    private func takeGroup(_ state: inout Queue) -> [Request] {
        var bytes = 0
        var count = 0
        for request in state.requests {
            guard case .write(let batch, _) = request else { break }
            let weight = batch.weight
            if count > 0 && bytes + weight > settings.groupBytesMax { break }
            bytes += weight
            count += 1
        }
        let group = Array(state.requests.prefix(max(1, count)))
        state.requests.removeFirst(group.count)
        state.bytes -= bytes
        return group
    }

    private func carryOut(_ requests: [Request]) {
        var batches: [StoreBatch] = []
        var completions: [Completion] = []
        var result: Result<Void, StoreError> = .success(())
        for request in requests {
            switch request {
            case .write(let batch, let completion):
                batches.append(batch)
                completions.append(completion)
            case .refuse(let completion):
                completions.append(completion)
                if failure == nil { failure = .overloaded }
                result = .failure(.overloaded)
            case .resume(let completion):
                completion(resumeNow())
                return
            }
        }
        if !batches.isEmpty { result = writeGroup(batches) }
        let isSynced = batches.contains(where: \.isSynced)
        queue.withLock { state in
            if case .success = result {
                state.counts.batches += UInt64(batches.count)
                state.counts.groups += 1
                if isSynced { state.counts.syncs += 1 }
            } else {
                state.counts.refused += UInt64(completions.count)
            }
        }
        for completion in completions { completion(result) }
    }

    private func writeGroup(_ batches: [StoreBatch]) -> Result<Void, StoreError> {
        if let failure { return .failure(failure) }
        if isDiskFull && !batches.allSatisfy(\.onlyDeletes) {
            failure = .diskFull
            return .failure(.diskFull)
        }
        do throws(StoreError) {
            try reading { (database) throws(StoreError) in
                try database.write(batches, isSynced: batches.contains(where: \.isSynced))
            }
            return .success(())
        } catch {
            failure = error
            mustReopen = true
            return .failure(error)
        }
    }

    private var isDiskFull: Bool {
        Paths.freeBytes(path).map { $0 < settings.freeBytesMin } ?? false
    }

    private func resumeNow() -> Result<Void, StoreError> {
        if failure == nil { return .success(()) }
        if isDiskFull { return .failure(.diskFull) }
        if mustReopen {
            // A write that failed in the middle leaves RocksDB in a state of its own; what counts is on the disk.
            do throws(StoreError) {
                try gate.write { (database) throws(StoreError) in
                    database = nil
                    database = try Database(
                        path: path + "/db", writeBufferBytes: settings.writeBufferBytes,
                        cacheBytes: settings.cacheBytes)
                }
            } catch {
                return .failure(error)
            }
        }
        failure = nil
        mustReopen = false
        return .success(())
    }

    /// Starts `work` and waits until it calls its completion.
    private func wait(_ work: (@escaping Completion) -> Void) throws(StoreError) {
        invariant(!writer.isCurrent, "the writer thread waits for itself")
        let answer = Monitor<Result<Void, StoreError>?>(nil)
        work { result in
            answer.withLock { $0 = result }
            answer.signal()
        }
        try answer.wait { $0.map { .done($0) } ?? .again }.get()
    }
}
