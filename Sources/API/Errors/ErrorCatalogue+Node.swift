extension ErrorCatalogue {
    /// Requests, the node, receipts, and ourselves (`surfaces.md` 3.6, E6xx to E9xx).
    static let nodeEntries: [Entry] = [
        Entry(
            code: "E601", name: "noToken", status: 401, exit: 77,
            title: "a token is needed",
            cause:
                "Over TCP every request but the open ones needs the token of this node; loopback is "
                + "no exception.",
            example: "no Authorization header",
            remedy: "read it from the file api.token: Authorization: Bearer pnt_…"),
        Entry(
            code: "E602", name: "scope", status: 403, exit: 77,
            title: "the token does not allow this",
            cause: "Scopes are read, submit and admin, each including the ones before.",
            example: "has read, needs submit",
            remedy: "use a token of that scope, or the Unix socket"),
        Entry(
            code: "E603", name: "badHost", status: 403, exit: 77,
            title: "the Host header is not ours",
            cause:
                "A request must name this node by localhost, 127.0.0.1, [::1] or a host of api.hosts, "
                + "with our port; else a foreign page could reach it by DNS.",
            example: "Host: evil.example",
            remedy: "use http://127.0.0.1:7718, or list the host in api.hosts"),
        Entry(
            code: "E604", name: "badOrigin", status: 403, exit: 77,
            title: "a foreign page may not ask this node",
            cause: "The request came from a page of another origin.",
            example: "Origin: https://evil.example",
            remedy: "list the origin in api.origins if it is trusted"),
        Entry(
            code: "E605", name: "rate", status: 429, exit: 75,
            title: "too many requests",
            cause:
                "The limits are 50 reads and 20 writes a second for each token, 4 uploads at once, "
                + "and 10 wrong tokens a minute.",
            example: "51 reads in 1 s",
            remedy: "wait as long as Retry-After says"),
        Entry(
            code: "E606", name: "tooLarge", status: 413, exit: 65,
            title: "too large",
            cause: "The body, the headers or the URL pass their limit.",
            example: "the body has more than 1 MiB",
            remedy: "move large values into blobs"),
        Entry(
            code: "E607", name: "mediaType", status: 415, exit: 65,
            title: "this media type is not accepted",
            cause: "The route accepts the types that the message lists.",
            example: "text/html; accepted: application/json, application/yaml",
            remedy: "send one of them, with Content-Type"),
        Entry(
            code: "E608", name: "idempotency", status: 409, exit: 65,
            title: "the idempotency key is taken",
            cause: "The key was used with another body, or its first request is not finished.",
            example: "key k1 was used with another body",
            remedy: "use a new key for a new request"),
        Entry(
            code: "E609", name: "precondition", status: 412, exit: 75,
            title: "it changed meanwhile",
            cause: "The resource is not the one that If-Match names.",
            example: "ETag now \"v8\"",
            remedy: "read it again, then repeat the change"),
        Entry(
            code: "E610", name: "badCursor", status: 400, exit: 65,
            title: "the cursor is not usable",
            cause: "A cursor belongs to one list with one filter and is valid for 1 h.",
            example: "the cursor is of another list",
            remedy: "start the list again without a cursor"),
        Entry(
            code: "E611", name: "badParameter", status: 400, exit: 65,
            title: "a parameter is wrong",
            cause:
                "A query parameter, header or field is unknown or has a value that is not allowed.",
            example: "limit is 5000, allowed are 1 to 500",
            remedy: "correct it as the message says"),
        Entry(
            code: "E612", name: "sealed", status: 409, exit: 77,
            title: "sealed until reveal",
            cause:
                "Until a job's commits are closed, only its owner can read what replicas produced, or "
                + "a lazy replica could copy it.",
            example: "job_7ppdq3ka… is running and belongs to acct_9c4t…",
            remedy: "wait for the reveal, or ask at the owner's node"),
        Entry(
            code: "E613", name: "method", status: 405, exit: 64,
            title: "the method is not allowed here",
            cause: "The path exists, but not with this method.",
            example: "PUT /v1/node; allowed: GET, HEAD",
            remedy: "use a method of the Allow header"),
        Entry(
            code: "E614", name: "range", status: 416, exit: 65,
            title: "the range is not in the content",
            cause: "The range begins at or after the end.",
            example: "bytes=9000-; the size is 5120",
            remedy: "ask for a range below the size"),
        Entry(
            code: "E701", name: "noNode", status: nil, exit: 69,
            title: "no node is running here",
            cause: "None of --api, PEERNODE_API and the home led to a node that answers.",
            example: "looked at ~/.local/state/peernode/run/node.json",
            remedy: "start one: peernode join"),
        Entry(
            code: "E702", name: "bind", status: nil, exit: 78,
            title: "cannot listen",
            cause: "The address is in use, not of this machine, or not allowed.",
            example: "port 7717 is used by process 812 (peernode)",
            remedy: "stop that one, or give another address"),
        Entry(
            code: "E703", name: "exists", status: nil, exit: 1,
            title: "there is something already",
            cause: "The home holds other facts than the flags ask for; nothing was changed.",
            example: "this home belongs to the network lab",
            remedy: "use another --home"),
        Entry(
            code: "E704", name: "homeInUse", status: nil, exit: 75,
            title: "the home is in use",
            cause: "Another peernode process holds the lock of this home.",
            example: "process 812 holds it",
            remedy: "stop it: peernode leave, or use another --home"),
        Entry(
            code: "E705", name: "fileMode", status: nil, exit: 78,
            title: "a secret file can be read by others",
            cause: "Files with secrets must have mode 0600 and their folders 0700.",
            example: "keys/identity.key has mode 0644",
            remedy: "chmod 600 on that file"),
        Entry(
            code: "E706", name: "copiedHome", status: nil, exit: 78,
            title: "the home was copied from another machine",
            cause: "Two machines with one key would contradict each other and be banned.",
            example: "machine id 3f…, the home was made on 9a…",
            remedy: "peernode key new here, or peernode join --adopt if the other is gone for good"),
        Entry(
            code: "E707", name: "newerStore", status: nil, exit: 78,
            title: "the store is newer than this program",
            cause: "It was written by a newer version; nothing was written.",
            example: "store version 3, this program knows 2",
            remedy: "update peernode"),
        Entry(
            code: "E708", name: "wrongNetwork", status: nil, exit: 3,
            title: "another network",
            cause: "The peer belongs to another network than this home.",
            example: "ours net_k3ab…, theirs net_7qx2…",
            remedy: "use the seed of your network, or another --home"),
        Entry(
            code: "E709", name: "noSandbox", status: nil, exit: 6,
            title: "the sandbox is not complete",
            cause:
                "A wall of the sandbox cannot be had on this machine, so native programs of others "
                + "are not run at all.",
            example: "user namespaces are off",
            remedy: "peernode doctor sandbox shows the wall and its fix"),
        Entry(
            code: "E710", name: "clock", status: nil, exit: 5,
            title: "the clock is wrong",
            cause: "This machine's clock is too far from that of the peers.",
            example: "the clock is 95 s ahead",
            remedy: "set the clock, for example with timedatectl set-ntp true"),
        Entry(
            code: "E711", name: "version", status: nil, exit: 4,
            title: "the protocol versions do not meet",
            cause: "The peers speak no common protocol version.",
            example: "ours 1, theirs 3 to 4",
            remedy: "update peernode"),
        Entry(
            code: "E713", name: "noSeed", status: nil, exit: 6,
            title: "no seed answered",
            cause: "Nobody answered at the addresses that were given, in the time that was given.",
            example: "not ready after 30 s: dialling 192.0.2.1:7717",
            remedy: "check address and port with whoever gave them, and that UDP and TCP pass; without --timeout join "
                + "keeps trying"),
        Entry(
            code: "E712", name: "limitReached", status: 429, exit: 75,
            title: "a limit of the ledger is reached",
            cause: "The ledger limits what one account may have open.",
            example: "64 open jobs, at most 64",
            remedy: "wait until one ends"),
        Entry(
            code: "E801", name: "receiptInvalid", status: 422, exit: 3,
            title: "the receipt is not valid",
            cause: "The named check failed, so the receipt proves nothing.",
            example: "state certificate: 2 of 3 signatures",
            remedy: "get the receipt again from another peer"),
        Entry(
            code: "E802", name: "unknownNetwork", status: 422, exit: 4,
            title: "the network of the receipt is unknown here",
            cause: "The receipt is sound in itself, but no genesis of its network is known here.",
            example: "net_7qx2…",
            remedy: "give it with --network GENESIS"),
        Entry(
            code: "E803", name: "auditDiffers", status: nil, exit: 3,
            title: "the recomputation differs",
            cause: "What the log says and what follows from it are not the same.",
            example: "height 931, balance of acct_9c4t…: 12 and 13",
            remedy: "keep the log and tell the network's members"),
        Entry(
            code: "E901", name: "bug", status: 500, exit: 70,
            title: "this is a bug in peernode",
            cause: "An invariant of the program does not hold, or an answer could not be made.",
            example: "invariant at 0.1.0",
            remedy: "report it with the log that is named"),
        Entry(
            code: "E902", name: "overload", status: 503, exit: 75,
            title: "busy",
            cause: "A queue of this node or of the network is full.",
            example: "the pool holds 10,000 entries",
            remedy: "repeat it in a few seconds"),
    ]
}
