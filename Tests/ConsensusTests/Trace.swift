import Basis
@testable import Consensus
import Foundation
import Records

/// CONSENSUS_TRACE=all, or the index of one node, prints what each input led to.
let traceFlag = ProcessInfo.processInfo.environment["CONSENSUS_TRACE"] ?? ""
/// CONSENSUS_SEEDS: how many schedules each property test runs.
let seedsAsked = ProcessInfo.processInfo.environment["CONSENSUS_SEEDS"].flatMap(Int.init)
/// CONSENSUS_SEED: one schedule only.
let seedAsked = ProcessInfo.processInfo.environment["CONSENSUS_SEED"].flatMap(UInt64.init)

func seeds(_ standard: Int) -> [UInt64] {
    if let seedAsked { return [seedAsked] }
    return (0..<(seedsAsked ?? standard)).map { UInt64($0) }
}

func summary(_ message: LogMessage) -> String {
    switch message {
    case .proposal(let m): "proposal(\(m.block.header.view) h\(m.block.header.height))"
    case .vote(let m): "\(m.ballot.kind)(\(m.ballot.view)) s\(m.seat)"
    case .certificate(let m): "cert-\(m.ballot.kind)(\(m.ballot.view))"
    case .attestation(let m): "attest(\(m.state.height))"
    case .stateCertificate(let m): "state(\(m.state.height))"
    case .status(let m): "status(v\(m.view) e\(m.executedHeight) c\(m.certifiedHeight))"
    case .fetchBlocks(let m): "fetchBlocks(\(m.from) \(m.count) \(m.hash.map { "\($0)" } ?? ""))"
    case .blocks(let m): "blocks(\(m.blocks.count) from \(m.blocks[0].header.height) +\(m.links.count))"
    case .final(let m): "final(\(m.blocks[0].header.height))"
    case .fetchCertificates(let m): "fetchCerts(\(m.from)-\(m.to))"
    case .certificates(let m): "certs(\(m.certificates.count), \(m.ownVotes.count))"
    default: "\(message.number)"
    }
}

func summary(_ input: Replica.Input) -> String {
    switch input {
    case .received(let m, _): "got " + summary(m.value)
    case .persisted(let t): "persisted \(t.number)"
    case .executed(let e): "executed \(e.state.height)"
    case .demand(let d): "demand \(d.entryCount)"
    case .payload(_, let e): "payload \(e.count)"
    case .timeout: "timeout"
    case .linkUp: "linkUp"
    case .linkDown: "linkDown"
    default: "\(input)"
    }
}

func summary(_ effect: Replica.Effect) -> String {
    switch effect {
    case .send(let m, let to): summary(m) + "→\(to.count)"
    case .persist(let b, let t): "persist \(t.number) (\(b.operations.count))"
    case .buildPayload: "build"
    case .tipChanged(let h): "tip \(h.count)"
    case .finalised(let b): "final \(b.block.header.height)"
    case .certified(let c): "certified \(c.state.height)"
    case .serveBlocks(let r, _): "serve \(r.from)"
    case .misbehaved(_, let m): "bad \(m)"
    case .alarm(let a): "alarm \(a)"
    case .statusChanged(let s): "status \(s.kind)"
    }
}
import Trust
