/// Something went wrong, told so that a person can act on it: what happened, why, and what to do (`surfaces.md` 3.6).
///
/// The same value becomes problem+json for programs and at most four lines for people. Throwing one changes nothing
/// unless `detail` says so.
public struct Problem: Error, Sendable, Equatable {
    /// `E501`.
    public var code: String
    /// The catalogue's words for the code.
    public var title: String
    public var status: Int
    /// The exit code of the command line.
    public var exitCode: Int
    /// What happened, with the values found. One sentence, small first letter, no code, no full stop.
    public var detail: String
    /// Why, in one sentence; nil if `detail` says it.
    public var why: String?
    /// What to do, with a command to paste.
    public var fix: String?
    /// All mistakes of a file or body, in its order.
    public var errors: [Item]
    /// Seconds after which trying again makes sense; sent as `Retry-After`.
    public var retryAfterSeconds: Int?
    /// The request that failed; the server's.
    public var requestID: String?
    /// What a 405 allows; sent as `Allow`.
    var allowedMethods: [String]?

    /// One mistake at a place.
    public struct Item: Codable, Sendable, Equatable {
        /// A JSON pointer.
        public var pointer: String?
        public var line: Int?
        public var column: Int?
        public var code: String
        public var message: String
        public var found: String?
        public var allowed: [String]?
        public var fix: String?

        public init(
            pointer: String? = nil, line: Int? = nil, column: Int? = nil, code: String,
            message: String,
            found: String? = nil, allowed: [String]? = nil, fix: String? = nil
        ) {
            self.pointer = pointer
            self.line = line
            self.column = column
            self.code = code
            self.message = message
            self.found = found
            self.allowed = allowed
            self.fix = fix
        }
    }

    /// A problem of ours. Without `fix` the catalogue's remedy is given.
    public init(
        _ code: ProblemCode, _ detail: String, why: String? = nil, fix: String? = nil,
        errors: [Item] = [],
        retryAfterSeconds: Int? = nil
    ) {
        self.init(
            entry: ErrorCatalogue.known(code), detail: detail, why: why, fix: fix, errors: errors,
            retryAfterSeconds: retryAfterSeconds)
    }

    /// A problem whose code comes from another module, such as Compute's E1xx. A code that the catalogue does not
    /// have becomes E901, with the code in the detail.
    public init(
        code: String, _ detail: String, why: String? = nil, fix: String? = nil, errors: [Item] = []
    ) {
        if let entry = ErrorCatalogue.entry(code) {
            self.init(
                entry: entry, detail: detail, why: why, fix: fix, errors: errors,
                retryAfterSeconds: nil)
        } else {
            self.init(.bug, "\(detail) (\(code), which has no page)", why: why, errors: errors)
        }
    }

    /// The mistakes of a manifest as one problem: the code of the first, all of them in `errors`.
    ///
    /// - Returns: nil if `items` holds no error (warnings begin with `W`).
    public static func manifest(_ items: [Item], what: String = "the job file") -> Problem? {
        let errors = items.filter { $0.code.hasPrefix("E") }
        guard let first = errors.first else { return nil }
        let count = errors.count == 1 ? "a mistake" : "\(errors.count) mistakes"
        return Problem(code: first.code, "\(what) has \(count)", fix: first.fix, errors: errors)
    }

    private init(
        entry: ErrorCatalogue.Entry, detail: String, why: String?, fix: String?, errors: [Item],
        retryAfterSeconds: Int?
    ) {
        code = entry.code
        title = entry.title
        // Codes without a status of their own describe how a job ended; asked for over HTTP they conflict with its
        // state.
        status = entry.status ?? 409
        exitCode = entry.exit
        self.detail = detail
        self.why = why
        // Remedies of manifest codes are patterns with places to fill in; only the checker knows their values.
        self.fix = fix ?? (entry.remedy.isEmpty || entry.remedy.contains("{") ? nil : entry.remedy)
        self.errors = errors
        self.retryAfterSeconds = retryAfterSeconds
    }
}

extension Problem: Codable {
    /// The members of problem+json (`surfaces.md` 4.3).
    private enum Member: String, CodingKey {
        case type, title, status, detail, code, why, fix, requestId, errors, retryAfterSeconds
    }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Member.self)
        let code = try members.decode(String.self, forKey: .code)
        self.init(code: code, try members.decode(String.self, forKey: .detail))
        // A newer node may know codes that this program does not: what it says about them counts.
        self.code = code
        title = try members.decode(String.self, forKey: .title)
        status = try members.decode(Int.self, forKey: .status)
        if ErrorCatalogue.entry(code) == nil {
            detail = try members.decode(String.self, forKey: .detail)
            exitCode = ExitCode.failed
        }
        why = try members.decodeIfPresent(String.self, forKey: .why)
        fix = try members.decodeIfPresent(String.self, forKey: .fix)
        requestID = try members.decodeIfPresent(String.self, forKey: .requestId)
        errors = try members.decodeIfPresent([Item].self, forKey: .errors) ?? []
        retryAfterSeconds = try members.decodeIfPresent(Int.self, forKey: .retryAfterSeconds)
    }

    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Member.self)
        try members.encode("/errors/" + code, forKey: .type)
        try members.encode(title, forKey: .title)
        try members.encode(status, forKey: .status)
        try members.encode(detail, forKey: .detail)
        try members.encode(code, forKey: .code)
        try members.encodeIfPresent(why, forKey: .why)
        try members.encodeIfPresent(fix, forKey: .fix)
        try members.encodeIfPresent(requestID, forKey: .requestId)
        if !errors.isEmpty { try members.encode(errors, forKey: .errors) }
        try members.encodeIfPresent(retryAfterSeconds, forKey: .retryAfterSeconds)
    }

    /// The body of problem+json.
    public func json() -> [UInt8] { JSONText.encode(self) }
}
