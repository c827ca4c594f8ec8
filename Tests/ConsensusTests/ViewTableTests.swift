import Basis
@testable import Consensus
import Records
import TestKit
import Testing
import Trust

/// The rows of `ledger.md` 4.6, one seat under glass: seat 1 of 4 (Q = 3, f = 1); the test is everybody else.
@Suite struct ViewTableTests {
    /// Idle, demand rises, leader is self: a payload is asked for once the batch time passed; with it, block
    /// and mark are in one batch, and the proposal, whose signature is the vote, leaves after it.
    @Test func leaderProposes() throws {
        var bench = Bench(own: 0)
        #expect(bench.wantBlocks().payloadRequest == nil)
        let request = try #require(bench.pass(20).payloadRequest)
        bench.batches = []
        var effects = bench.replica.handle(
            .payload(request.ticket, entries: [[9]]), now: bench.now, wall: bench.wall)
        #expect(effects.proposals.isEmpty)
        guard case .persist(let batch, let ticket)? = effects.last else {
            Issue.record("no persist: \(effects)")
            return
        }
        #expect(batch.isSynced)
        let keys = batch.operations.compactMap {
            if case .put(let family, let key, _) = $0 { (family, key) } else { nil }
        }
        #expect(keys.contains { $0 == (.journal, JournalKey.mark(epoch: 0, view: 0, kind: .notarize)) })
        #expect(keys.contains { $0 == (.journal, JournalKey.ownBlock(epoch: 0, view: 0)) })
        #expect(keys.contains { $0.0 == .pending })
        effects = bench.replica.handle(.persisted(ticket), now: bench.now, wall: bench.wall)
        #expect(effects.proposals.count == 1 && effects.votes.isEmpty)
        // Never two blocks per view.
        #expect(bench.wantBlocks().payloadRequest == nil)
        #expect(bench.pass(100).payloadRequest == nil)
    }

    /// Idle, demand rises, other leader: the proposal timer (2Δ) nullifies.
    @Test func proposalTimer() {
        var bench = Bench()
        #expect(bench.wantBlocks().votes.isEmpty)
        #expect(bench.pass(999).votes.isEmpty)
        #expect(bench.pass(2).votes(.nullify) == [0])
    }

    /// Demand falls before a vote: the timers are disarmed and nothing is sent.
    @Test func demandFalls() {
        var bench = Bench()
        _ = bench.wantBlocks()
        _ = bench.pass(500)
        _ = bench.handle(.demand(.none))
        #expect(bench.pass(20_000).votes.isEmpty)
    }

    /// A valid proposal is voted for; the progress timer (3Δ) then nullifies the view.
    @Test func proposalAndProgressTimer() {
        var bench = Bench()
        let block = bench.block(view: 0)
        #expect(bench.receive(.proposal(bench.proposal(block))).votes(.notarize) == [0])
        #expect(bench.pass(1_499).votes(.nullify) == [])
        #expect(bench.pass(2).votes(.nullify) == [0])
    }

    /// f + 1 other seats' nullify votes are joined, once.
    @Test func joinsNullification() {
        var bench = Bench()
        #expect(bench.receive(.vote(bench.vote(.nullify, 0, by: 2))).votes.isEmpty)
        let effects = bench.receive(.vote(bench.vote(.nullify, 0, by: 3)))
        #expect(effects.votes(.nullify) == [0])
        // With the own vote that is a nullification: the view ends.
        #expect(bench.replica.view == 1)
        #expect(bench.receive(.vote(bench.vote(.nullify, 0, by: 0))).votes.isEmpty)
    }

    /// A notarisation ends the view: finalize vote and certificate, in one batch with the mark.
    @Test func notarisationFinalises() {
        var bench = Bench()
        let block = bench.block(view: 0)
        _ = bench.receive(.proposal(bench.proposal(block)))
        let hash = bench.hash(block)
        let effects = bench.receive(.vote(bench.vote(.notarize, 0, hash, by: 2)))
        #expect(effects.votes(.finalize) == [0])
        #expect(effects.certificates.map(\.ballot) == [bench.ballot(.notarize, 0, hash)])
        #expect(bench.replica.view == 1)
        _ = bench.receive(.vote(bench.vote(.finalize, 0, hash, by: 2)))
        let last = bench.receive(.vote(bench.vote(.finalize, 0, hash, by: 0)))
        #expect(last.finals == [block])
    }

    /// A notarisation of a view that was nullified here is passed on, without a finalize vote.
    @Test func notarisationAfterNullify() {
        var bench = Bench()
        _ = bench.wantBlocks()
        #expect(bench.pass(1_001).votes(.nullify) == [0])
        let hash = Digest(repeating: 3)
        let effects = bench.receive(.certificate(bench.certificate(.notarize, 0, hash)))
        #expect(effects.votes(.finalize) == [] && effects.certificates.count == 1)
        #expect(bench.replica.view == 1)
    }

    /// A nullification ends the view and forbids to finalise it, also if its notarisation comes later.
    @Test func nullificationThenNotarisation() {
        var bench = Bench()
        _ = bench.receive(.certificate(bench.certificate(.nullify, 0)))
        #expect(bench.replica.view == 1)
        let effects = bench.receive(
            .certificate(bench.certificate(.notarize, 0, Digest(repeating: 3))))
        #expect(effects.votes.isEmpty)
        #expect(bench.replica.views[0]?[.notarize] != nil)
    }

    /// A certificate of a later view ends all views up to it.
    @Test func farCertificate() {
        var bench = Bench()
        _ = bench.receive(.certificate(bench.certificate(.nullify, 40)))
        #expect(bench.replica.view == 41)
        // A second one of an earlier view is stored for N4.
        _ = bench.receive(.certificate(bench.certificate(.nullify, 17)))
        #expect(bench.replica.view == 41 && bench.replica.views[17]?[.nullify] != nil)
    }

    /// N4: a block that skips views waits for their nullifications, which are fetched from the leader.
    @Test func holdsForNullifications() throws {
        var bench = Bench()
        _ = bench.receive(.certificate(bench.certificate(.nullify, 1)))
        #expect(bench.replica.view == 2)
        let block = bench.block(view: 2)
        let effects = bench.receive(.proposal(bench.proposal(block)))
        #expect(effects.votes.isEmpty)
        let fetch = try #require(effects.fetchesCertificates.first)
        #expect(fetch.from == 0 && fetch.to == 0)
        let answer = Certificates(certificates: [bench.certificate(.nullify, 0)], ownVotes: [])
        #expect(bench.receive(.certificates(answer)).votes(.notarize) == [2])
    }

    /// N5: a missing parent is fetched by hash; then the block is voted for.
    @Test func holdsForParent() throws {
        var bench = Bench()
        let parent = bench.block(view: 0)
        let block = bench.block(view: 1, on: parent)
        var other = Bench(own: 2)
        _ = other
        other = Bench(own: 2)
        let effects = other.receive(.proposal(other.proposal(block)))
        #expect(other.replica.view == 1, "the parent certificate counts as received")
        #expect(effects.votes(.notarize) == [])
        let fetch = try #require(effects.fetchesBlocks.first)
        #expect(fetch.hash == other.hash(parent))
        let answer = Blocks(
            blocks: [parent], links: [], stateCertificate: nil, finalizeCertificate: nil)
        #expect(other.receive(.blocks(answer)).votes(.notarize) == [1])
        bench.sender = other.sender
    }

    /// C7: a block 501 ms ahead of the voter is held, and voted for when the clock reaches it.
    @Test func holdsForTime() {
        var bench = Bench()
        let block = bench.block(view: 0, at: bench.wall + 501)
        #expect(bench.receive(.proposal(bench.proposal(block))).votes.isEmpty)
        #expect(bench.replica.heldFor == .time(bench.wall + 1))
        #expect(bench.pass(1).votes(.notarize) == [0])
    }

    /// Proposals for later views: the nearest two wait, and one is voted for when its view comes.
    @Test func futureProposals() {
        var bench = Bench()
        let block = bench.block(view: 2)
        _ = bench.receive(.proposal(bench.proposal(block)))
        _ = bench.receive(.proposal(bench.proposal(bench.block(view: 4))))
        _ = bench.receive(.proposal(bench.proposal(bench.block(view: 3))))
        #expect(bench.replica.futureProposals.keys == [2, 3])
        _ = bench.receive(.certificate(bench.certificate(.nullify, 0)))
        let effects = bench.receive(.certificate(bench.certificate(.nullify, 1)))
        #expect(effects.votes(.notarize) == [2])
    }

    /// C6: the first of two proposals is kept and voted for; both votes are evidence.
    @Test func equivocatingLeader() {
        var bench = Bench()
        let first = bench.block(view: 0)
        let second = bench.block(view: 0, entries: [[4]])
        #expect(bench.receive(.proposal(bench.proposal(first))).votes(.notarize) == [0])
        let effects = bench.receive(.proposal(bench.proposal(second)))
        #expect(effects.votes.isEmpty)
        #expect(
            effects.alerts == [
                .equivocation(
                    seat: 0, first: bench.vote(.notarize, 0, bench.hash(first), by: 0),
                    second: bench.vote(.notarize, 0, bench.hash(second), by: 0))
            ])
        _ = bench.pass(2_000)
        #expect(
            bench.batches.contains {
                $0.operations.contains { if case .put(.evidence, _, _) = $0 { true } else { false } }
            })
    }

    /// A vote for an ended view, late or repeated, is answered with what ended it, once per Δ; then with finality.
    @Test func oldVotes() {
        var bench = Bench()
        _ = bench.receive(.certificate(bench.certificate(.nullify, 0, by: [0, 2, 3])))
        let vote = bench.vote(.notarize, 0, Digest(repeating: 1), by: 2)
        #expect(bench.receive(.vote(vote)).certificates.isEmpty, "just late")
        #expect(bench.receive(.vote(vote)).certificates.map(\.ballot) == [bench.ballot(.nullify, 0)])
        #expect(bench.receive(.vote(vote)).certificates.isEmpty)
        _ = bench.pass(600)
        #expect(bench.receive(.vote(vote)).certificates.count == 1)
        _ = bench.receive(.certificate(bench.certificate(.finalize, 5, Digest(repeating: 2))))
        _ = bench.pass(600)
        #expect(bench.receive(.vote(vote)).certificates.map(\.ballot.kind) == [.finalize])
    }

    /// A vote or Status for a later view asks its sender for certificates, at most once per Δ.
    @Test func asksWhoIsAhead() {
        var bench = Bench()
        let peer = bench.world.nodes[2].peer
        let vote = bench.vote(.nullify, 7, by: 2)
        #expect(
            bench.receive(.vote(vote), from: peer).fetchesCertificates
                == [FetchCertificates(epoch: 0, from: 0, to: 6)])
        #expect(
            bench.receive(.status(bench.status(certified: 0, view: 9)), from: peer)
                .fetchesCertificates == [])
        _ = bench.pass(600)
        #expect(
            bench.receive(.status(bench.status(certified: 0, view: 90)), from: peer)
                .fetchesCertificates == [FetchCertificates(epoch: 0, from: 26, to: 89)])
    }

    /// While there is demand own votes are resent every 2Δ; received votes never cause a resend (C13).
    @Test func resends() {
        var bench = Bench()
        _ = bench.receive(.proposal(bench.proposal(bench.block(view: 0))))
        for _ in 0..<20 { #expect(bench.receive(.vote(bench.vote(.nullify, 0, by: 2))).votes.isEmpty) }
        #expect(bench.pass(999).votes.isEmpty)
        #expect(bench.pass(2).votes(.notarize) == [0])
    }

    /// Finality: the finalize certificate of a later block makes its ancestors final, in height order, fetching
    /// what is missing by hash.
    @Test func finalAncestors() throws {
        var bench = Bench()
        let first = bench.block(view: 0)
        let second = bench.block(view: 1, on: first)
        let effects = bench.receive(
            .certificate(bench.certificate(.finalize, 1, bench.hash(second))))
        #expect(effects.fetchesBlocks.first?.hash == bench.hash(second))
        func answer(_ block: Block) -> LogMessage {
            .blocks(
                Blocks(
                    blocks: [block], links: [], stateCertificate: nil, finalizeCertificate: nil))
        }
        let next = bench.receive(answer(second))
        #expect(next.finals.isEmpty)
        #expect(next.fetchesBlocks.first?.hash == bench.hash(first))
        #expect(bench.receive(answer(first)).finals == [first, second])
    }

    /// D3: with an armed timer a leader proposes an empty block 1.5 s after T of the tip, others expect it 0.5
    /// s later.
    @Test func clockDemand() throws {
        var bench = Bench(own: 1)
        let block = bench.block(view: 0)
        _ = bench.receive(.proposal(bench.proposal(block)))
        let hash = bench.hash(block)
        _ = bench.receive(.certificate(bench.certificate(.notarize, 0, hash)))
        _ = bench.receive(.certificate(bench.certificate(.finalize, 0, hash)))
        _ = bench.execute(block)
        var timed = bench.replica.executed
        timed.isTimerArmed = true
        bench.replica.executed = timed
        #expect(bench.pass(1_400).payloadRequest == nil)
        let request = try #require(bench.pass(200).payloadRequest)
        let effects = bench.handle(.payload(request.ticket, entries: []))
        #expect(effects.proposals.first?.block.entries == [])
    }

    /// D2: state that is due makes one block, not one on each unexecuted ancestor.
    @Test func stateDemand() throws {
        var bench = Bench(own: 0)
        bench.replica.executed.blocksDue = 1
        let request = try #require(bench.pass(1).payloadRequest ?? bench.wantBlocks().payloadRequest)
        let effects = bench.handle(.payload(request.ticket, entries: []))
        let hash = bench.hash(try #require(effects.proposals.first?.block))
        _ = bench.handle(.demand(.none))
        _ = bench.receive(.certificate(bench.certificate(.notarize, 0, hash)))
        #expect(!bench.replica.reasons.contains(.state))
    }
}
