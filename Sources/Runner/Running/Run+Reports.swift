import Basis
import Loop
import Records
import Wire

// What init reports. It is read as hostile input: a report that does not fit the state ends the run (property C41).

/// The output that is being received.
struct Collecting {
    var entry: Int
    var file: OutputFile
    var left: UInt64
}

extension Run {
    func takeReports(_ bytes: UnsafeRawBufferPointer) {
        do throws(WireError) {
            for report in try reports.read(bytes) {
                if let complaint = take(report) {
                    runner.counters.malformedReports += 1
                    return fail(.sandboxFailed(complaint))
                }
            }
        } catch {
            runner.counters.malformedReports += 1
            fail(.sandboxFailed("a report of its process 1 cannot be read"))
        }
    }

    /// Carries out one report; returns why it cannot be true.
    private func take(_ report: InitReport) -> String? {
        if isFinished { return "reports go on after their end" }
        switch report {
        case .started:
            hasStarted = true
            streams.programBegan()
        case .result(let bytes): return takeResult(bytes)
        case .itemEnded(let index, let end, let cpu, _, let resident):
            return takeEnd(index, end, cpu: cpu, resident: resident)
        case .file(let entry, let path, let isExecutable, let length):
            return takeFile(Int(entry), path, isExecutable, length)
        case .bytes(let bytes): return takeBytes(bytes)
        case .refused(let entry, let path, let kind): return takeRefusal(Int(entry), path, kind)
        case .paused(let isPaused): takePause(isPaused)
        case .limit(let limit): hit(limit)
        case .usage: break
        case .failed(let what, let errno):
            fail(.sandboxFailed("cannot \(what): \(RunnerError.text(errno))"))
        case .itemDone: return collecting == nil ? nil : "an output is cut short"
        case .finished:
            if collecting != nil { return "an output is cut short" }
            isFinished = true
        }
        return nil
    }

    private func takeResult(_ bytes: [UInt8]) -> String? {
        if UInt64(resultBytes.count + bytes.count) > limits.resultBytes {
            hit(.resultChannel)
            return nil
        }
        resultBytes += bytes
        return nil
    }

    private func takeEnd(_ index: UInt32, _ end: ProcessEnd, cpu: UInt64, resident: UInt64) -> String? {
        if !hasStarted { return "an item ended that never began" }
        if items.contains(where: { $0.index == index }) { return "item \(index) ended twice" }
        ended = now
        endedCPU &+= cpu
        let (bytes, overflow) = resident.multipliedReportingOverflow(by: 1_024)
        if !overflow && bytes < 1 << 50 { usage.memoryPeakBytes = max(usage.memoryPeakBytes, bytes) }
        let channel = frame.item.runtimeFrame == nil ? .none : Run.channel(resultBytes)
        resultBytes = []
        items.append(ItemEnd(index: index, process: end, result: channel))
        runner.emit(id, .itemEnded(item: index, end))
        // After a limit or an order nothing more is wanted: init ends at the end of its orders.
        if state == .stopping { orders?.close() }
        return nil
    }

    /// One letter, then what it says: `=` a result, `!` the type that JSON cannot carry, `M` memory ran out.
    static func channel(_ bytes: [UInt8]) -> ResultChannel {
        guard let kind = bytes.first else { return .none }
        switch kind {
        case UInt8(ascii: "="): return .value(Array(bytes.dropFirst()))
        case UInt8(ascii: "!"):
            let text = String(decoding: bytes.dropFirst().prefix(200), as: UTF8.self)
            return .unfit(String(text.filter { !$0.isNewline }))
        case UInt8(ascii: "M") where bytes.count == 1: return .outOfMemory
        default: return .garbled
        }
    }

    private func takeFile(_ entry: Int, _ path: String, _ isExecutable: Bool, _ length: UInt64) -> String? {
        guard let item = items.last, collecting == nil, entry < frame.collect.count else {
            return "an output comes out of turn"
        }
        let wanted = frame.collect[entry]
        if !Run.isBelow(path, wanted.path) { return "an output was not asked for" }
        let known = items.reduce(0) { $0 + $1.files.count }
        guard known < Int(limits.artifactFiles), length <= wanted.bytesMax else {
            hit(.artifacts)
            return nil
        }
        usage.artifactBytes &+= length
        if usage.artifactBytes > limits.artifactBytes { hit(.artifacts) }
        let file = OutputFile(
            name: wanted.name, path: path, isExecutable: isExecutable, length: length, spool: spoolSerial)
        spoolSerial += 1
        collecting = Collecting(entry: entry, file: file, left: length)
        streams.beginOutput(file.spool)
        if length == 0 { endFile(item.index) }
        return nil
    }

    private func takeBytes(_ bytes: [UInt8]) -> String? {
        guard var current = collecting, UInt64(bytes.count) <= current.left, let item = items.last else {
            return "bytes come without an output"
        }
        // An empty report would cost something and bring nothing, again and again.
        if bytes.isEmpty { return "an output is empty" }
        if limit == nil { streams.write(toOutput: bytes) }
        current.left -= UInt64(bytes.count)
        collecting = current
        if current.left == 0 { endFile(item.index) }
        return nil
    }

    private func endFile(_ item: UInt32) {
        guard let done = collecting else { return }
        collecting = nil
        streams.endOutput()
        if limit != nil { return }
        items[items.count - 1].files.append(done.file)
        runner.emit(id, .file(item: item, done.file))
    }

    private func takeRefusal(_ entry: Int, _ path: String, _ kind: FileKind) -> String? {
        guard let item = items.last, collecting == nil, entry < frame.collect.count else {
            return "a refusal comes out of turn"
        }
        let wanted = frame.collect[entry]
        if kind == .absent && wanted.isOptional && path == wanted.path { return nil }
        if item.refused.count >= frame.collect.count { return "too many refusals" }
        let bytesMax = kind == .overLimit ? limits.artifactBytes : wanted.bytesMax
        items[items.count - 1].refused.append(RefusedFile(path: path, kind: kind, bytesMax: bytesMax))
        runner.emit(id, .refused(item: item.index, path: path, kind))
        return nil
    }

    private func takePause(_ isPaused: Bool) {
        if isPaused, pausedSince == nil {
            pausedSince = now
            runner.emit(id, .paused)
        } else if !isPaused, let since = pausedSince {
            pausedFor = pausedFor + (now - since)
            pausedSince = nil
            runner.emit(id, .resumed)
        }
    }

    /// Whether `path` is `wanted` or lies below it, in parts that are names.
    static func isBelow(_ path: String, _ wanted: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) { return false }
        return path == wanted || path.hasPrefix(wanted + "/")
    }
}
