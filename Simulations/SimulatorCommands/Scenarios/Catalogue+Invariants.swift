extension Catalogue {
    /// Every invariant: its id and what holds, as section 15 of the design has it.
    static let invariants: [(id: String, statement: String)] = statements.split(separator: "\n").map { line in
        let words = line.split(separator: " ", maxSplits: 1)
        return (String(words[0]), String(words[1]))
    }

    private static let statements = """
        S1 Same build, plan and seed give the same trace hash: other process, other hash seeds, debug against \
        release
        S2 decode(encode(m)) = m and encode(decode(b)) = b for messages and records (all in S, 1 in 100 above)
        S3 No queue, table, inbox or backlog exceeds its limit, nor a peer's accounted memory its tier's budget
        S4 Per class: sent = delivered + dropped by reason + in flight; each drop raised exactly one counter; \
        nothing enqueued vanishes
        S5 No bytes from the network make a node trap
        S6 now never goes back in a core; after a timeout nextDeadline is later than now or nil
        S7 At most 10⁶ events at one instant; effects per input within the limit
        S8 State after a restart is one the peer had at a durable point: not newer than its disk, not a mixture
        S9 What waits for a ticket leaves only after .persisted of that ticket
        S10 A message delivered twice leaves the protocol digest as once (1 in 100 inputs, tried on a copy of the \
        peer)
        S11 After calm nobody is idle and owing: a deadline exists while a vote, job, escrow or link waits for it
        S12 Garbage at line rate costs ≤ 1 signature check per 100 datagrams, bounded memory, and no eviction of \
        a live neighbour
        M1 A table's record of a peer never moves to a lower sequence, except after expiry removed it
        M2 Every record or leave accepted anywhere was signed by its subject (registry of all that was signed)
        M3 A peer's entry changes only through its own newer record or leave, expiry, own probes or own eviction \
        rules; a hint causes at most one early probe
        M4 Both ends of a link agree within one handshake timeout; a link counts only after a two-way handshake; \
        none to oneself, one per pair
        M5 Outbound links lie in distinct groups (/16, /32) while enough are known; quotas per group and per \
        teller hold in both books, IPv6 as IPv4
        M6 Outbound links come from anchors or sampler after own handshake; inbound takes no outbound slot; the \
        four oldest inbound links stay
        M7 Every record relayed in a sample was verified by the teller's own handshake
        M8 To an address not yet proven: bytes out ≤ bytes in; answers go to the source; an address read in a \
        payload is dialled only under the probe quota
        M9 No datagram above 1,200 bytes; a class with something waiting gets its reserved bytes
        M10 Two records, one key, one sequence, different content, both met by an honest peer: proof kept, key \
        refused for 24 h
        M11 Expired records, and those over 2 h ahead, are never used, stored or relayed
        M12 Exchanges end: a reply is smaller than its trigger or under a rate; no pair chats on after the last \
        real input
        M13 Penalties only for what the sender answers for: no honest peer is banned by an honest peer
        M14 A crashed neighbour leaves the links: median ≤ 8 s, p99 ≤ 12 s, at any size
        M15 After a partition of any ratio, or the loss of 80 % of peers, honest live peers are one component \
        within 60 s
        M16 Evictions of live neighbours: none at loss ≤ 1 % and pauses ≤ 3 s; ≤ 10⁻⁵ per neighbour-hour at 5 %, \
        ≤ 10⁻² at 20 %
        M17 No honest peer has only adversarial links; a coalition's sampler share is ≤ 1.5 × its share of \
        netgroups after 4 h
        M18 A join has 8 verified outbound links in 5 s from 3 seeds and a full sampler in 5 min; a restart needs \
        no seeds
        M19 Idle traffic ≤ 1.5 kB/s per direction, largest over smallest network ≤ 1.2; ≤ 3 kB/s with uptimes of \
        2 h
        M20 A lookup finds a holder in the stated number of queries and ≤ 80 kB, ends when none exists, keeps \
        only what it verified
        B1 A message reaches the application at most once per peer, signed by its origin, within 12 hops and all \
        budgets; ids outlive payloads
        B2 256 bytes at 5 % loss: 99.99 % of honest peers in ≤ 8 hops, median ≤ 1.5 s, worst seed ≤ 2.5 s, ≤ 5 \
        copies per peer
        B3 The same with 20 % silent droppers in ≤ 2.5 s, with 30 % in ≤ 3.5 s
        C1 Finalised chains of honest peers are prefixes of one another
        C2 An honest seat signs notarize for at most one block per view
        C3 An honest seat never signs both nullify(v) and finalize(v)
        C4 It signs finalize(v) only for the block whose notarisation it holds, after entering v + 1
        C5 It notarises only a valid block whose parent is notarised and whose skipped views are all nullified
        C6 At most one block per view is notarised; a view with a finalised block is never nullified
        C7 A certificate counts ≥ Q distinct seats of its own epoch; agrees with a second implementation of the \
        rule
        C8 Every vote is durable before it leaves; later votes agree with all it ever sent; no journal, no vote \
        until the next epoch
        C9 Header: parent, height + 1, time above the parent's and ≤ voter clock + 500 ms; no empty block without \
        a stated cause
        C10 Ledger clock L = Σ min(Δtime, 2 s), equal everywhere; it stands still without a quorum
        C11 Equal height gives equal state root and event root at every honest peer, under shuffled inputs
        C12 An honest seat attests only a root it computed from the finalised prefix, once per height; two state \
        certificates of a height name one root
        C13 Seat list e + 1 is fixed by the last block of e, certified by e, equal to the reference; at most \
        ⌊N/4⌋ seats change; never below the genesis minimum
        C14 An epoch key signs only in its epoch and is gone after the evidence window
        C15 Two conflicting signatures met by an honest peer become evidence that verifies offline, enters within \
        10 views, acts once
        C16 The beacon of a draw is fixed after the job by d distinct proposers; each reveal opens its chain
        C17 Live: finality p50 ≤ 3δ + batch with all up; p99 < 5 s with 30 % of seats down; a dead leader is \
        passed over
        C18 Live: a valid entry given to f + 1 seats is finalised although f leaders in a row ignore it
        C19 Without a quorum nothing is finalised, nothing forks, reads work and the node says so
        C20 Light proofs of random accounts verify (leaf, path, state certificate, handovers); any changed byte, \
        old epoch or short certificate is refused
        C21 A joiner ends with the state of those it joined; a wrong chunk is refused by hash before use
        L1 Σ available + granted + escrow + bonded + unbonding + treasury = genesis + minted + grants − burned, \
        in 128 bits, at every block of every honest peer
        L2 No component is negative or wraps; a nonce moves by one within its lane; a re-created account refuses \
        its old entries
        L3 At most one applied entry per (account, lane, nonce)
        L4 An escrow resolves exactly once: pay + refund = funded, then zero; the entry fee is never part of it; \
        remainders go to the refund
        L5 Earned credit points at winners of one merge, with lease, commit and reveal that no other settlement \
        used
        L6 What a client was told is final stays final through any crash and loss within tolerance
        L7 State after a restart equals a whole number of executed blocks; rebuilt from the log it has the live \
        digest
        L8 Each debit carries its account's signature over exactly that entry, or is a listed transition (settle, \
        refund, expiry, slash)
        L9 A slash names verified evidence, happens once, splits 80/20, and never follows from being outvoted
        L10 Grants: valid stamp, epoch cap, only into escrow, expiry, refunds return to the granted part; mint \
        only by its keys and cap
        L11 State equals the sequential reference ledger after each block (S and M)
        L12 Nothing unbonds before its time; admissible evidence still reaches it
        J1 A draw is a function of the finalised prefix: equal at every honest peer and in a second \
        implementation
        J2 Each drawn offer met the job's constraints at its height, was old enough, had a free slot, is not the \
        submitter's unless allowSelf; owners distinct and new to this job
        J3 No offer has more active leases than slots; (later stage) nor slots than its bond covers
        J4 Only listed edges, each caused by an entry or a ledger deadline; deadlines fire in (deadline, kind, \
        job, index) order
        J5 A lease index is used once per job, and a lease that has ended never commits, reveals or wins
        J6 No reveal counts before its commit window closed; it opens its own commit, bound to job, lease, \
        account and salt; a copied commit never opens
        J7 No commit or reveal window closes before its ledger deadline and f + 1 distinct proposers inside it
        J8 A second commit under one lease changes nothing; (later stage) it is evidence: both are void, a \
        replacement is drawn
        J9 Proof of life in time keeps the lease and costs the challenger; silence ends it (later stage)
        J10 Cancel only before the first commit, with attempt fees paid; without agreement each revealed replica \
        gets its attempt fee
        J11 Live: every opened job ends by its deadline + reveal window + guards on the ledger clock; none is \
        forgotten
        J12 Live: a silent worker is replaced within its lease + window guard + d views; (later stage) within 3 \
        heartbeats + answer window + d views
        J13 A set's share of draws is its ticket share within 3σ; ground ids and split keys gain nothing; with \
        seat share b at most (1−b)/(1−2b) times
        J14 No job of an honest entry peer is refunded for want of its input while nothing is at fault
        R1 The chosen core is the subset of size q with the smallest diameter, ties by sorted hashes; equals \
        brute force
        R2 Any arrival order gives the same bytes (three permutations per merge; all of them for r ≤ 5 in S)
        R3 If q revealed results are honest with spread D, core diameter ≤ D and the answer lies within D of an \
        honest one
        R4 Accepted only within tolerance; else r + 2 up to rMax, then refunded
        R5 Each revealed result enters once; winners are exactly those within tolerance of the answer; the others \
        are unpaid, not slashed
        R6 An honest sketch equals sketch(blob); a mismatch shown in the window slashes and reverses, after it \
        does nothing
        R7 A published result never changes, except a pending one reversed by proof; none for a cancelled or \
        refunded job
        R8 The exported bundle of each job, recomputed by the second implementation, gives the same workers, \
        answer and payments
        E1 Two honest runs of one frame give equal output (stack machine, S)
        E2 A receipt names an offered lease, and its digest is that of bytes someone can produce
        E3 No task reported as success used more fuel, memory or output than its frame
        """

    /// Rare paths that say when they are taken.
    static let marks = [
        "blob.export.shared",
        "book.queueTimeout",
        "book.wrongInline",
        "clock offset adopted",
        "consensus.diverged",
        "consensus.equivocation",
        "consensus.fellBehind",
        "consensus.joinNullification",
        "consensus.renewOwnNotarisation",
        "consensus.timerNullifies",
        "crossing link requests",
        "desk.damagedClaim",
        "desk.inputLimit",
        "dial without report",
        "healed",
        "late timer",
        "link displaced",
        "other end lost the link",
        "own sequence lost",
        "peer directory full",
        "peer restarted",
        "reached by helper",
        "revive failed",
        "silent helper",
        "surplus link",
    ]
}
