import Basis
import Records
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

/// What the tests of both cores share.
enum Fixture {
    static let hashing = MixHashing()
    static let network = NetworkID(repeating: 7)
    static let worker = PublicKey(repeating: 1)
    static let entryPeer = PublicKey(repeating: 2)
    static let submitter = PublicKey(repeating: 3)

    static func runtime(_ kind: RuntimeKind) -> RuntimeCapability {
        RuntimeCapability(
            runtime: kind.id, version: "1", digest: Digest(repeating: 9),
            classID: Digest(repeating: kind.rawValue + 100),
            path: "/usr/bin/python3")
    }

    static let capability = CapabilitySummary(
        architecture: .x86_64, isolation: .full, meter: .polling,
        runtimes: [runtime(.command), runtime(.python)])

    static func settings(slots: Int = 2) -> OwnerSettings {
        OwnerSettings(
            isLending: true, cpuThousandths: 4_000, memoryBytes: 4 << 30, diskBytes: 10 << 30,
            slots: slots)
    }

    static func listing(_ n: UInt8, rate: UInt64 = 100, memoryMiB: UInt32 = 1_024)
        -> JobMarket.Listing
    {
        var draft = OfferDraft.of(settings(slots: 1), capability, hashing: hashing)!
        draft.memoryMiB = memoryMiB
        return .init(
            account: PublicKey(repeating: n), owner: PublicKey(repeating: n),
            offer: Offer(
                slotClass: 0, slots: 1, capabilities: draft.capabilities, hardwareClass: .zero,
                runtimes: draft.runtimes,
                cached: [], cores: draft.cores, memoryMiB: draft.memoryMiB, diskMiB: draft.diskMiB,
                gpuMiB: 0,
                isolation: draft.isolation, meter: draft.meter, rateCPU: CreditAmount(micro: rate),
                rateMemory: CreditAmount(micro: rate / 10), validUntil: 1, document: .zero))
    }

    static func derivation(
        _ listings: [JobMarket.Listing], available: CreditAmount? = .credits(100),
        waits: Bool = false
    ) -> SpecDerivation {
        SpecDerivation(
            salt: Array(repeating: 5, count: 16), entryPeer: entryPeer, submitter: submitter,
            owner: submitter,
            market: JobMarket(
                listings: listings,
                classes: [
                    .init(runtime: .command, classID: runtime(.command).classID),
                    .init(runtime: .python, classID: runtime(.python).classID),
                ]), available: available, fee: CreditAmount(micro: 10_000),
            wallMillis: 1_700_000_000_000, waitsForOffers: waits)
    }

    static func job(_ replicas: Int, _ more: String = "") -> CanonicalJob {
        let verify = replicas == 1 ? #"{"mode":"none"}"# : #"{"replicas":\#(replicas)}"#
        let text =
            #"{"peernode":"v1","run":{"runtime":"command","args":["echo"]},"timeout":{"run":"3s","lease":"60s"},"verify":\#(verify)\#(more)}"#
        return Manifests.canonical(text)!
    }

    static func spec(_ job: CanonicalJob) -> JobSpec {
        try! derivation((10...20).map { listing($0) }, waits: true).spec(
            job, wasAuto: false, hashing: hashing
        ).get()
    }

    static func terms(_ job: CanonicalJob) -> JobTerms {
        JobTerms(spec: spec(job), submitter: submitter, owner: submitter)
    }

    static func standing(_ job: CanonicalJob, _ n: UInt8 = 1, deadline: UInt64 = 60_000)
        -> LeaseStanding
    {
        LeaseStanding(
            id: LeaseID(job: JobID(repeating: n), index: 0), terms: terms(job), deadline: deadline)
    }

    static func end(_ process: ProcessEnd = .exited(code: 0)) -> RunEnd {
        var usage = Usage(meter: .polling)
        usage.cpuMicros = 1_000
        usage.wallMicros = 2_000
        return RunEnd(items: [ItemEnd(index: 0, process: process)], usage: usage)
    }

    static func outputs(_ body: [UInt8], _ termination: Termination = .exited(code: 0))
        -> SealedOutputs
    {
        let id = BlobTree.id(of: body, hashing: hashing)
        let (status, exit) = termination.code
        return SealedOutputs(
            termination: termination, body: id, bodyBytes: UInt64(body.count), inline: body,
            compareHash: Comparator.compareHash(
                status: status, exitCode: exit, form: body, hashing: hashing),
            report: BlobID(repeating: 4), usage: end().usage, blobs: [id, BlobID(repeating: 4)])
    }
}

extension Instant {
    static func seconds(_ n: Int64) -> Instant { Instant(nanoseconds: n * 1_000_000_000) }
}
