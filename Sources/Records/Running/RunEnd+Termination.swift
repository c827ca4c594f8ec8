extension RunEnd {
    /// What item `index` of this run came to, by the table of ends of `compute.md` 3.1, for a run of `frame`.
    ///
    /// A limit that ended the program wins over the signal it used, then the first row in table order. What only the
    /// result's mode and schema can tell (`bad_output` of the result itself) is decided by the runtime's plan, for an
    /// item that `exited` with 0 here.
    public func termination(of item: ItemEnd, in frame: RunFrame) -> Termination {
        if let limit { return RunEnd.termination(limit, frame) }
        switch item.process {
        case .notStarted(let errno):
            let program = String(decoding: frame.item.argv.first ?? [], as: UTF8.self)
            return .startFailed("cannot start \(program): \(startErrorText(errno))")
        case .signalled(RunEnd.cpuSignal): return RunEnd.termination(.cpuTime, frame)
        case .signalled(RunEnd.fileSizeSignal): return RunEnd.termination(.disk, frame)
        case .signalled(let number): return .signalled(number: number)
        case .exited(let code):
            if usage.cpuMicros > frame.limits.cpuMicros { return RunEnd.termination(.cpuTime, frame) }
            if item.result == .outOfMemory { return RunEnd.termination(.memory, frame) }
            if code != 0 { return .exited(code: code) }
            return RunEnd.refusal(item, frame) ?? .exited(code: 0)
        }
    }

    static let cpuSignal: UInt8 = 24
    static let fileSizeSignal: UInt8 = 25

    static func refusal(_ item: ItemEnd, _ frame: RunFrame) -> Termination? {
        if case .unfit(let type) = item.result {
            return .badOutput("the result holds a \(type), which JSON cannot carry")
        }
        for file in item.refused {
            switch file.kind {
            case .tooLarge, .overLimit:
                return .outputLimit("output /out/\(file.path) exceeds \(sizeText(file.bytesMax))")
            case .tooMany:
                return .outputLimit(
                    "output /out/\(file.path) holds more than \(frame.limits.artifactFiles) files")
            case .absent: return .badOutput("output /out/\(file.path) was not written")
            case .link, .socket, .pipe, .device, .badName, .unreadable:
                return .badOutput(
                    "output /out/\(file.path) is a \(file.kind.word); only files and folders are kept")
            }
        }
        return nil
    }

    static func termination(_ limit: LimitHit, _ frame: RunFrame) -> Termination {
        let limits = frame.limits
        switch limit {
        case .cpuTime:
            return .timeLimit("used more than \(durationText(limits.cpuMicros)) of CPU time")
        case .wallTime:
            return .timeLimit("ran longer than \(durationText(limits.wallMillis &* 1_000))")
        case .memory: return .memoryLimit("needed more than \(sizeText(limits.memoryBytes)) of memory")
        case .disk: return .diskLimit("wrote more than \(sizeText(limits.diskBytes)) of files")
        case .inodes: return .diskLimit("wrote more than \(limits.inodes) files")
        case .standardOutput:
            return .outputLimit("wrote more than \(sizeText(limits.stdoutBytes)) to standard output")
        case .standardError:
            return .outputLimit("wrote more than \(sizeText(limits.stderrBytes)) to standard error")
        case .artifacts: return .outputLimit("outputs exceed \(sizeText(limits.artifactBytes))")
        case .resultChannel:
            return .outputLimit("the result exceeds \(sizeText(limits.resultBytes))")
        case .processes: return .memoryLimit("started more than \(limits.pids) processes")
        }
    }
}

/// `1 MiB`, `1536 KiB`, `17 B`: the largest unit that divides it.
func sizeText(_ bytes: UInt64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)] {
        if bytes >= 1 << shift && bytes & ((1 << shift) - 1) == 0 { return "\(bytes >> shift) \(unit)" }
    }
    return "\(bytes) B"
}

/// `2 h`, `90 s`, `250 ms`, `17 µs`: the largest unit that divides it, hours from two on.
func durationText(_ micros: UInt64) -> String {
    let units: [(UInt64, String)] = [(3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s"), (1_000, "ms")]
    for (size, unit) in units where micros >= size && micros % size == 0 {
        return "\(micros / size) \(unit)"
    }
    return "\(micros) µs"
}
