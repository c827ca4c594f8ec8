import API
import Basis
import Daemon

/// Jobs in words. "The program failed" and "the network gave no result" are never the same sentence (`surfaces.md` 0).
enum JobTexts {
    /// `3 replicas, at most 0.31 cr`
    static func terms(_ job: JobDocument) -> String {
        var parts: [String] = []
        if let verify = job.verify { parts.append(verify.replicas == 1 ? "1 replica" : "\(verify.replicas) replicas") }
        if !job.state.isEnd, let held = job.cost.heldMicro ?? job.cost.maxMicro {
            parts.append("at most \(Texts.credit(held))")
        }
        return parts.joined(separator: ", ")
    }

    /// `r0 peer_q7fd… running 42 %`
    static func replica(_ replica: ReplicaDocument, among all: [ReplicaDocument]) -> String {
        var text = "  r\(replica.index) \(replica.peer?.value.map { Texts.short($0) } ?? "?") \(replica.state.rawValue)"
        if let progress = replica.progressPermille, replica.state == .running { text += " \(progress / 10) %" }
        if let reason = replica.reason?.value, reason != replica.state.rawValue { text += " (\(reason))" }
        if let index = replica.replacedBy?.value, let next = all.first(where: { $0.index == index }) {
            text += ", replaced by \(next.peer?.value.map { Texts.short($0) } ?? "?") (round \(next.round))"
        }
        return text
    }

    static func status(_ job: JobDocument) -> String {
        var head = Texts.short(job.id)
        if let name = job.name?.value { head += " \(VisibleText.escape(name, limit: 64))" }
        head += "   \(job.state.rawValue)"
        if let code = job.code?.value { head += " (\(code))" }
        if let progress = job.progressPermille, !job.state.isEnd { head += " \(progress / 10) %" }
        var lines = [head]
        if let reason = job.reason?.value { lines.append("  \(VisibleText.escape(reason.text, limit: 300))") }
        if let counts = job.replicas {
            lines.append(
                "  replicas: \(counts.drawn) drawn, \(counts.running) running, \(counts.committed) committed, "
                    + "\(counts.revealed) revealed, \(counts.replaced) replaced")
        }
        lines.append("  " + cost(job.cost))
        if job.state.isEnd {
            lines.append(job.certified ? "  certified\(strength(job.verification?.value))" : "  not certified")
        }
        return lines.joined(separator: "\n")
    }

    static func cost(_ cost: JobDocument.Cost) -> String {
        if let paid = cost.paidMicro { return "paid \(Texts.credit(paid))" }
        if let held = cost.heldMicro { return "held \(Texts.credit(held))" }
        return "nothing held"
    }

    static func strength(_ verification: Verification?) -> String { verification.map { ", \($0.rawValue)" } ?? "" }

    /// The last line of `run`, on standard error.
    static func ending(_ result: ResultDocument, _ job: JobDocument, home: String) -> String {
        guard result.certified else { return "peernode: " + noResult(result, job) }
        let winners = result.winners.count
        let all = winners + result.minority.count
        var parts = ["certified"]
        switch result.verification?.value {
        case .verified?: parts.append("verified by \(winners) of \(all)")
        case .agreed?: parts.append("agreed by \(winners) of \(all)")
        case .unverified?, nil: parts.append("unverified (one replica)")
        }
        if let start = job.times.submittedAt, let end = job.times.endedAt {
            let millis = UInt64(clamping: max(0, end.unixMilliseconds - start.unixMilliseconds))
            parts.append(Quantity.text(milliseconds: millis))
        }
        if let paid = result.cost.paidMicro { parts.append("paid \(Texts.credit(paid))") }
        let failed = result.code == "ok" ? "" : failure(result) + "; "
        return
            "peernode: \(failed)\(parts.joined(separator: ", ")); check: peernode receipt verify "
                + "\(Texts.typed(result.job))\(home)"
    }

    /// A certified failure: the program's doing.
    static func failure(_ result: ResultDocument) -> String {
        switch result.code {
        case "programExit": "the program ended with exit code \(result.exitCode?.value ?? 1)"
        case "programSignal": "the program was ended by signal \(result.signal?.value ?? 0)"
        case "timeLimit": "the program used more time than it was given"
        case "memoryLimit": "the program needed more memory than it was given"
        case "diskLimit": "the program wrote more files than it was given disk for"
        case "outputLimit": "the program wrote more output than is allowed"
        case "badOutput": "the program's result is not of the form that was promised"
        case "startFailed": "the program cannot be started"
        default: "the program failed (\(result.code))"
        }
    }

    /// No certified result: the network's doing, or the owner's.
    static func noResult(_ result: ResultDocument, _ job: JobDocument) -> String {
        let why = job.reason?.value.map { ": " + VisibleText.escape($0.text, limit: 300) } ?? ""
        let text =
            switch result.code {
            case "noAgreement": "no result: the replicas do not agree"
            case "noWorkers": "no result: nobody could run it"
            case "timedOut": "no result: time ran out"
            case "inputUnavailable": "no result: an input could not be fetched"
            case "lostTooOften": "no result: replicas were lost too often"
            case "unfunded": "no result: the credit did not suffice"
            case "cancelled": "no result: the job was cancelled"
            default: "no result (\(result.code))"
            }
        return "\(Texts.short(result.job)) \(text)\(why)"
    }
}
