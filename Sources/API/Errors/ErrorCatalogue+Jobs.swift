extension ErrorCatalogue {
    /// Ids, jobs, blobs and credit (`surfaces.md` 3.6, E3xx and E5xx).
    static let jobEntries: [Entry] = [
        Entry(
            code: "E301", name: "notFound", status: 404, exit: 4,
            title: "not found",
            cause:
                "Nothing with this id is known to this node. Ids of jobs, peers, blobs and entries "
                + "may be shortened to 6 characters; accounts and networks may not.",
            example: "no job job_7ppdq3ka is known here",
            remedy: "check the id: peernode jobs --all lists jobs, peernode peers lists peers"),
        Entry(
            code: "E302", name: "ambiguousID", status: 409, exit: 65,
            title: "the short id fits several",
            cause: "More than one id begins with these characters.",
            example: "job_7ppdq3 fits job_7ppdq3ka… and job_7ppdq3mm…",
            remedy: "give more characters of the id"),
        Entry(
            code: "E310", name: "tooLate", status: 409, exit: 1,
            title: "too late to cancel",
            cause:
                "A job can be cancelled until the first commit of a replica is final; afterwards work "
                + "was done and is paid.",
            example: "job_7ppdq3ka… has a committed replica since height 931",
            remedy: "wait for its result: peernode result JOB --wait"),
        Entry(
            code: "E311", name: "noResultYet", status: 409, exit: 75,
            title: "not finished yet",
            cause: "The job has not ended, so there is no result, receipt or output.",
            example: "job_7ppdq3ka… is running",
            remedy: "peernode result JOB --wait"),
        Entry(
            code: "E320", name: "noAgreement", status: nil, exit: 3,
            title: "the replicas do not agree",
            cause:
                "So many replicas gave different answers that no group reached the quorum; nothing is "
                + "certified.",
            example: "3 replicas gave 3 different answers",
            remedy: "look for time, randomness or addresses in the output, or ignore those places: "
                + "--ignore POINTER with --compare json"),
        Entry(
            code: "E321", name: "noWorkers", status: nil, exit: 7,
            title: "nobody could run it",
            cause:
                "Until its queue time was over, fewer eligible peers than replicas offered to run the "
                + "job.",
            example: "0 of 3 replicas drawn in 10 min: 4 offers, 4 lack memory",
            remedy: "ask for less, accept more peers, or wait longer with --queue-time"),
        Entry(
            code: "E322", name: "timedOut", status: nil, exit: 7,
            title: "time ran out",
            cause:
                "One of the four timeouts of the job (queue, lease, run, total) passed before there "
                + "was a certified result.",
            example: "the total limit of 1 h passed while running",
            remedy: "raise that timeout in the manifest"),
        Entry(
            code: "E323", name: "inputUnavailable", status: nil, exit: 7,
            title: "an input could not be fetched",
            cause: "None of the peers that should hold this input delivered it.",
            example: "input words (blob_c41x…) was held by peer_q7fd…, which is gone",
            remedy: "submit again from a node that stays up until the job has started"),
        Entry(
            code: "E324", name: "lostTooOften", status: nil, exit: 7,
            title: "replicas were lost too often",
            cause: "Drawn peers vanished or handed the job back until the limit of executions was "
                + "reached.",
            example: "9 executions: 7 leases expired, 2 handed back",
            remedy: "submit again; a longer lease helps if the peers are slow"),
        Entry(
            code: "E330", name: "refused", status: 403, exit: 6,
            title: "refused by a rule",
            cause: "A rule of this node or of the network forbids it.",
            example: "this node's policy: runtime command is off for strangers",
            remedy: "the rule's owner can change it; see peernode help lending"),
        Entry(
            code: "E340", name: "hashMismatch", status: 422, exit: 3,
            title: "the content is not what was named",
            cause:
                "The bytes that came do not have the hash that was asked for; nothing was stored.",
            example: "wanted blob_c41x…, found blob_9q2m…",
            remedy: "check the source, then send it again or correct the id"),
        Entry(
            code: "E341", name: "storeFull", status: 507, exit: 74,
            title: "the store is full",
            cause: "Blobs may use the share of the disk that blobs.max and blobs.minFree leave.",
            example: "blobs use 19.8 GiB of 20 GiB",
            remedy: "free space, or raise blobs.max in config.yaml"),
        Entry(
            code: "E342", name: "gone", status: 410, exit: 4,
            title: "no longer kept",
            cause: "It was here, but its time of keeping is over.",
            example: "results are kept 30 d (keep.results); this one ended on 2026-10-01",
            remedy: "run the job again, or keep longer: keep.results in config.yaml"),
        Entry(
            code: "E501", name: "insufficientCredit", status: 402, exit: 9,
            title: "not enough credit",
            cause:
                "The account has less available credit than this needs. Held credit comes back when "
                + "its jobs end.",
            example: "the account holds 0.10 cr, this job reserves 0.31 cr",
            remedy: "lower replicas or cost, or receive credit; peernode balance shows what is held"
        ),
        Entry(
            code: "E502", name: "overBudget", status: 402, exit: 9,
            title: "over the budget",
            cause: "The cheapest estimate is above cost.max, so nothing was sent.",
            example: "the cheapest estimate is 0.31 cr, cost.max is 0.10 cr",
            remedy: "raise --max-cost or lower replicas"),
        Entry(
            code: "E503", name: "nonceConflict", status: 409, exit: 75,
            title: "the account was used at the same time",
            cause:
                "Three tries met new entries of the same account, made elsewhere with the same key.",
            example: "nonce 41 was taken three times",
            remedy: "repeat it when the other program is done"),
        Entry(
            code: "E504", name: "entryExpired", status: 409, exit: 75,
            title: "the entry was not executed in time",
            cause:
                "An entry is valid for a short time and then can never be executed; nothing was done.",
            example: "valid until 10:15:02, the ledger's clock is 10:15:09",
            remedy: "repeat it; peernode seats shows whether the log advances"),
        Entry(
            code: "E505", name: "badAccount", status: 422, exit: 65,
            title: "not a usable account",
            cause:
                "An account is acct_ and 56 characters, the last 4 of which check the others; a payee "
                + "must be known and not oneself.",
            example: "acct_9c4t…: the check characters are wrong",
            remedy: "copy the whole account again"),
        Entry(
            code: "E506", name: "grantedOnly", status: 409, exit: 9,
            title: "granted credit cannot be sent",
            cause: "Granted credit pays for jobs only (a later version).",
            example: "available 0.00 cr, granted 5.00 cr",
            remedy: "send earned credit"),
        Entry(
            code: "E507", name: "entryRefused", status: 422, exit: 65,
            title: "the ledger refused the entry",
            cause:
                "The entry was executed and its outcome was not \"applied\"; the reason is the ledger's "
                + "name.",
            example: "outcome belowMinimum",
            remedy: "see the reason; a fee may have been taken"),
        Entry(
            code: "E508", name: "notAdmitted", status: 403, exit: 77,
            title: "the account is not admitted",
            cause: "In this network an account must be admitted before it can act.",
            example: "acct_9c4t… is not admitted to lab",
            remedy: "join with an invite: peernode join SEED --invite FILE"),
        Entry(
            code: "E509", name: "invite", status: 403, exit: 77,
            title: "the invite does not serve",
            cause: "The invite is used up, expired, for another account, or not signed by who may "
                + "invite.",
            example: "invite expired on 2026-11-20",
            remedy: "ask for a new one: peernode invite"),
        Entry(
            code: "E510", name: "noQuorum", status: 503, exit: 75,
            title: "the network cannot order entries now",
            cause:
                "Without a quorum of seats nothing can be paid or assigned; what is final can still "
                + "be read.",
            example: "2 of 4 seats answer, 3 are needed",
            remedy: "peernode seats shows who is missing; repeat it later"),
        Entry(
            code: "E511", name: "behind", status: 503, exit: 75,
            title: "this peer is behind",
            cause: "This peer has not reached the height asked for within 10 s.",
            example: "height here 912, asked for 931",
            remedy: "repeat it, or ask another peer"),
    ]
}
