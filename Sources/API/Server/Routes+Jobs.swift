extension Routes {
    private static let stateWords = JobState.allCases.map(\.rawValue)

    /// Submitting, finding and cancelling jobs.
    static let jobs: [Route] = [
        Route(
            name: "submitJob", method: "POST", pattern: "/v1/jobs", scope: .submit,
            summary: "Submit a job",
            query: [.init("allowWait", .flag, "wait even if no standing offer could serve it")],
            input: .manifest, answers: [.json(JobDocument.self, status: 202)],
            errors: [402, 409, 413, 415, 422],
            creates: true,
            handler: { (call: Call) throws(Problem) in
                let submission = Submission(
                    manifest: call.body, form: call.manifestForm,
                    allowsWait: call.query.flag("allowWait"),
                    idempotencyKey: call.request.headers["idempotency-key"])
                let job = try await call.node.submitJob(submission)
                var reply = Reply.document(job, status: 202)
                reply.headers.append(("Location", "/v1/jobs/" + job.id))
                return reply
            }),
        Route(
            name: "validateJob", method: "POST", pattern: "/v1/jobs/validate", scope: .read,
            isForPeers: true,
            summary: "What a manifest would become", input: .manifest,
            answers: [.json(ValidationDocument.self)],
            errors: [413, 415, 422],
            handler: { (call: Call) throws(Problem) in
                .document(try await call.node.validateJob(call.body, call.manifestForm))
            }),
        Route(
            name: "jobs", method: "GET", pattern: "/v1/jobs", scope: .read, isForPeers: true,
            summary: "Jobs, newest first",
            query: [
                .init("state", .choices(stateWords), "only in these states"),
                .init("label", .label, "only those with this label"),
                .init("owner", .text, "an account, self (default), or all"),
                .init("worker", .text, "only those that this peer runs or ran"),
                .init("name", .text, "only of this name"),
                .init("since", .time, "only those submitted since"),
            ] + Route.paging,
            answers: [.json(Page<JobDocument>.self)], errors: [404, 409, 422], isStated: true,
            handler: { (call: Call) throws(Problem) in
                let owner = call.query.text("owner") ?? "self"
                let filter = JobFilter(
                    states: call.query.list("state").compactMap(JobState.init(rawValue:)),
                    labels: call.query.labels, owner: owner == "all" ? nil : owner,
                    worker: call.query.text("worker"), name: call.query.text("name"),
                    since: call.query.time("since"))
                return call.reply(try await call.node.jobs(filter, try call.slice()))
            }),
        Route(
            name: "jobStats", method: "GET", pattern: "/v1/jobs/stats", scope: .read,
            summary: "How many jobs of each",
            query: [.init("by", .text, "state (default), worker, or label:NAME")],
            answers: [.json(JobStatsDocument.self)], isResource: true,
            handler: { (call: Call) throws(Problem) in
                let by = call.query.text("by") ?? "state"
                let key: JobStatsKey
                switch by {
                case "state": key = .state
                case "worker": key = .worker
                case _ where by.hasPrefix("label:") && by.count > 6:
                    key = .label(String(by.dropFirst(6)))
                default:
                    throw Problem(
                        .badParameter, "by is \"\(VisibleText.escape(by, limit: 60))\"",
                        fix: "allowed here: state, worker, label:NAME")
                }
                return .document(try await call.node.jobStats(by: key))
            }),
        Route(
            name: "job", method: "GET", pattern: "/v1/jobs/{id}", scope: .read, isForPeers: true,
            summary: "A job",
            query: Route.waiting, answers: [.json(JobDocument.self)], errors: [404, 409],
            isStated: true,
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                .stated(try await call.node.job(call.id(), wait: try call.wait(states: stateWords)))
            }),
        Route(
            name: "cancelJob", method: "POST", pattern: "/v1/jobs/{id}/cancel", scope: .submit,
            summary: "Cancel a job; possible until the first commit",
            answers: [.json(JobDocument.self, status: 202)],
            errors: [404, 409],
            handler: { (call: Call) throws(Problem) in
                .document(try await call.node.cancelJob(call.id()), status: 202)
            }),
        Route(
            name: "jobEvents", method: "GET", pattern: "/v1/jobs/{id}/events", scope: .read,
            isForPeers: true,
            summary: "Events of a job", answers: [.bytes(Media.events)], errors: [404, 409],
            handler: { (call: Call) throws(Problem) in
                let job = try await call.node.job(call.id(), wait: nil)
                return try EventReplies.stream(call, types: nil, subject: job.value.id, since: nil)
            }),
    ]

    /// What a job is made of and what it left.
    static let jobData: [Route] = [
        Route(
            name: "manifest", method: "GET", pattern: "/v1/jobs/{id}/manifest", scope: .read,
            isForPeers: true,
            summary: "The canonical manifest",
            answers: [Route.Answer(status: 200, mediaType: Media.json, shape: .any)],
            errors: [404, 409, 410],
            isResource: true, isForeign: true,
            handler: { (call: Call) throws(Problem) in
                let manifest = try await call.node.manifest(call.id())
                return Reply(mediaType: Media.json, body: .bytes(JSONText.encode(manifest)))
            }),
        Route(
            name: "replicas", method: "GET", pattern: "/v1/jobs/{id}/replicas", scope: .read,
            isForPeers: true,
            summary: "The replicas of a job", answers: [.json(Page<ReplicaDocument>.self)],
            errors: [404, 409, 410], isStated: true, isResource: true,
            handler: { (call: Call) throws(Problem) in
                let replicas = try await call.node.replicas(call.id())
                return .stated(Stated(Page(items: replicas.value), height: replicas.height))
            }),
        Route(
            name: "result", method: "GET", pattern: "/v1/jobs/{id}/result", scope: .read,
            isForPeers: true,
            summary: "The outcome of a job that ended", answers: [.json(ResultDocument.self)],
            errors: [404, 409, 410], isStated: true, isResource: true,
            handler: { (call: Call) throws(Problem) in
                .stated(try await call.node.result(call.id()))
            }),
        Route(
            name: "output", method: "GET", pattern: "/v1/jobs/{id}/outputs/{name}", scope: .read,
            isForPeers: true,
            summary: "The bytes of an output",
            answers: [.bytes(Media.octets), .bytes(Media.octets, status: 206)],
            errors: [404, 409, 410, 416], isForeign: true,
            handler: { (call: Call) throws(Problem) in
                let source = try await call.node.output(call.id(), .named(call.id("name")))
                return try ContentReplies.reply(call, source, Media.octets)
            }),
        Route(
            name: "standardOutput", method: "GET", pattern: "/v1/jobs/{id}/stdout", scope: .read,
            isForPeers: true,
            summary: "The certified standard output",
            answers: [.bytes(Media.octets), .bytes(Media.octets, status: 206)],
            errors: [404, 409, 410, 416],
            isForeign: true,
            handler: { (call: Call) throws(Problem) in
                let source = try await call.node.output(call.id(), .standardOutput)
                return try ContentReplies.reply(call, source, Media.octets)
            }),
        Route(
            name: "standardError", method: "GET", pattern: "/v1/jobs/{id}/stderr", scope: .read,
            isForPeers: true,
            summary: "The standard error of a replica",
            query: [.init("replica", .integer(0...65_535), "its index; default: the first winner")],
            answers: [.bytes(Media.text), .bytes(Media.text, status: 206)],
            errors: [404, 409, 410, 416],
            isForeign: true,
            handler: { (call: Call) throws(Problem) in
                let replica = call.query.integer("replica").map { Int($0) }
                let source = try await call.node.output(call.id(), .standardError(replica: replica))
                return try ContentReplies.reply(call, source, Media.text)
            }),
        Route(
            name: "logs", method: "GET", pattern: "/v1/jobs/{id}/logs", scope: .read,
            isForPeers: true,
            summary: "Log lines of the replicas",
            query: [
                .init("replica", .integer(0...65_535), "only this one"),
                .init("stream", .choice(["stdout", "stderr", "both"]), "default both"),
                .init("tail", .integer(0...100_000), "only the last lines"),
                .init("since", .time, "only later lines"),
                .init("follow", .flag, "go on until the job ends"),
            ],
            answers: [
                .bytes(Media.text), .bytes(Media.text, status: 206), .bytes(Media.jsonLines),
                .bytes(Media.events),
            ],
            errors: [404, 409, 410, 416], isForeign: true,
            handler: { (call: Call) throws(Problem) in try await LogReplies.reply(call) }),
        Route(
            name: "jobReceipt", method: "GET", pattern: "/v1/jobs/{id}/receipt", scope: .read,
            isForPeers: true,
            summary: "The receipt of a job, as its file or rendered",
            answers: [.bytes(Media.receipt), .json(ReceiptDocument.self)], errors: [404, 409, 410],
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                ContentReplies.reply(call, try await call.node.receipt(job: call.id()))
            }),
        Route(
            name: "decision", method: "GET", pattern: "/v1/jobs/{id}/decision", scope: .read,
            isForPeers: true,
            summary: "How the replicas were drawn", answers: [.json(DecisionDocument.self)],
            errors: [404, 409],
            isStated: true, isResource: true,
            handler: { (call: Call) throws(Problem) in
                .stated(try await call.node.decision(call.id()))
            }),
        Route(
            name: "evidence", method: "GET", pattern: "/v1/jobs/{id}/evidence", scope: .read,
            isForPeers: true,
            summary: "All that is needed to audit a job", answers: [.bytes(Media.evidence)],
            errors: [404, 409, 410],
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                Reply(
                    mediaType: Media.evidence, body: .bytes(try await call.node.evidence(call.id()))
                )
            }),
    ]
}
